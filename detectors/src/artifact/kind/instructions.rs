//! Instructions: kinds of task, form, missing input, wrong answers.

use super::pair::{Numbered, Pair};
use crate::artifact::collect::Collector;
use crate::artifact::draws::Draws;
use crate::artifact::inputs::Inputs;
use crate::artifact::lexicon::{PhraseKind, marks, words};
use crate::artifact::measure::answer_rules::AnswerRule;
use crate::artifact::measure::discrete::entropy_bits;
use crate::artifact::measure::lcs::Pattern;
use crate::artifact::measure::names::novel_names;
use crate::artifact::measure::surface::Surface;
use crate::artifact::metric::Metric;
use crate::artifact::metrics::instructions as table;
use crate::artifact::resample::Part;
use crate::artifact::side::Instruction;
use rayon::prelude::*;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Rows of both sides with their numbers.
pub(crate) type Rows<'a> = [Vec<(u32, &'a Instruction)>; 2];

/// The texts of a field.
pub(crate) fn field<'a>(rows: &Rows<'a>, of: impl Fn(&'a Instruction) -> &'a str) -> [Numbered<'a>; 2] {
    rows.each_ref().map(|rows| rows.iter().map(|(row, instruction)| (*row, of(instruction))).collect())
}

/// All of it. `asked` and `answers` are the instructions and the outputs of the same rows.
pub(crate) fn instructions(
    rows: &Rows<'_>,
    asked: &Pair<'_>,
    answers: &Pair<'_>,
    inputs: &Inputs<'_>,
    out: &mut Collector<'_>,
) {
    verb_nouns(rows, inputs, out);
    similar(asked, out);
    forms(rows, &asked.slices, out);
    outputs(rows, answers, out);
    truncated(rows, answers, out);
    wrong_by_rule(rows, out);
}

/// A flag per row that it applies to.
fn flags(rows: &Rows<'_>, of: impl Fn(&Instruction) -> Option<bool> + Sync) -> [Vec<Part>; 2] {
    let part =
        |(_, row): &(u32, &Instruction)| of(row).map_or((0.0, 0.0), |is_such| (f64::from(u8::from(is_such)), 1.0));
    rows.each_ref().map(|rows| rows.par_iter().map(part).collect())
}

fn push(rows: &Rows<'_>, slices: &[&str], out: &mut Collector<'_>, metric: &Metric, parts: &[Vec<Part>; 2]) {
    let params = out.params;
    let shown = rows[1].iter().zip(&parts[1]).filter(|(_, part)| part.0 > 0.0);
    let shown =
        shown.map(|((row, text), _)| (*row, format!("{} | {} | {}", text.instruction, text.input, text.output)));
    out.ratio(metric, parts.each_ref().map(Vec::as_slice))
        .by_slice(slices.iter().copied(), &parts[1])
        .examples(params, shown);
}

fn verb_nouns(rows: &Rows<'_>, inputs: &Inputs<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let Some(verb_noun_of) = inputs.verb_noun_of else {
        for metric in
            [&table::VERB_NOUN_COVER, &table::VERB_NOUN_PAIRS, &table::VERB_NOUN_ENTROPY, &table::VERB_NOUN_TOP]
        {
            out.cannot(metric, "no finder of verbs and nouns was given");
        }
        return;
    };
    let found =
        rows.each_ref().map(|rows| rows.par_iter().map(|(_, row)| verb_noun_of(&row.instruction)).collect::<Vec<_>>());
    let cover = found
        .each_ref()
        .map(|found| found.iter().map(|pair| (f64::from(u8::from(pair.is_some())), 1.0)).collect::<Vec<Part>>());
    out.ratio(&table::VERB_NOUN_COVER, cover.each_ref().map(Vec::as_slice));
    let pairs = found.map(|found| found.into_iter().flatten().collect::<Vec<(String, String)>>());
    let n = match pairs.each_ref().map(Vec::len) {
        [0, n] | [n, 0] => n,
        [left, right] => left.min(right),
    };
    let members =
        [0, 1].map(|side: usize| Draws::new(params.seed, "verb nouns", side as u64).choose(pairs[side].len(), n));
    let counts = |side: usize, members: &[u32]| {
        let mut counts: BTreeMap<&(String, String), f64> = BTreeMap::new();
        members.iter().for_each(|at| *counts.entry(&pairs[side][*at as usize]).or_insert(0.0) += 1.0);
        counts
    };
    let members = members.each_ref().map(Vec::as_slice);
    let some = |value: f64, members: &[u32]| Some(value).filter(|_| !members.is_empty());
    let finding =
        out.of_sets(&table::VERB_NOUN_PAIRS, members, |side, docs| some(counts(side, docs).len() as f64, docs));
    let [reference, candidate] = [0, 1].map(|side: usize| counts(side, members[side]));
    let mut top: Vec<(&&(String, String), &f64)> = candidate.iter().collect();
    top.sort_by(|left, right| right.1.total_cmp(left.1).then(left.0.cmp(right.0)));
    for (pair, count) in top.into_iter().take(params.n_details) {
        finding.detail(
            format!("times: {} {}", pair.0, pair.1),
            reference.get(*pair).copied().or(Some(0.0)),
            Some(*count),
        );
    }
    out.of_sets(&table::VERB_NOUN_ENTROPY, members, |side, docs| {
        entropy_bits(&counts(side, docs).into_values().collect::<Vec<f64>>())
    });
    out.of_sets(&table::VERB_NOUN_TOP, members, |side, docs| {
        let mut counts: Vec<f64> = counts(side, docs).into_values().collect();
        counts.sort_by(|left, right| right.total_cmp(left));
        some(counts.iter().take(20).sum::<f64>() / docs.len().max(1) as f64, docs)
    });
}

fn similar(asked: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let picked = asked.pick(params.seed, "rouge", params.rouge_docs);
    let heads = [0, 1].map(|side: usize| {
        asked
            .words(side, &picked[side])
            .into_iter()
            .map(|words| &words[..words.len().min(params.rouge_words)])
            .collect::<Vec<&[u32]>>()
    });
    let parts = heads.each_ref().map(|heads| {
        let has_like = |at: usize| {
            let pattern = Pattern::new(heads[at]);
            // F1 is at most 2 shorter / (shorter + longer): unlike lengths need no table.
            let can_reach = |other: &[u32]| {
                let (less, more) = (other.len().min(heads[at].len()) as f64, other.len().max(heads[at].len()) as f64);
                2.0 * less >= params.similar_rouge_l * (less + more)
            };
            let others = heads.iter().enumerate().filter(|(other, words)| *other != at && can_reach(words));
            others.map(|(_, words)| pattern.rouge_l(words)).any(|rouge| rouge >= params.similar_rouge_l)
        };
        (0..heads.len()).into_par_iter().map(|at| (f64::from(u8::from(has_like(at))), 1.0)).collect::<Vec<Part>>()
    });
    let shown = picked[1]
        .iter()
        .zip(&parts[1])
        .filter(|(_, part)| part.0 > 0.0)
        .map(|(doc, _)| (asked.row(1, *doc), asked.doc(1, *doc).text));
    out.ratio(&table::SIMILAR, parts.each_ref().map(Vec::as_slice)).examples(params, shown);
}

static QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\?\s*$|^\s*(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|will|would|should|has|have)\b",
    )
});
static POLITE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*(?:please|kindly|(?:can|could|would|will) you(?: please)?|i want you to|you (?:need|have) to|your task is to)[,\s]+",
    )
});
static GIVEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:the|this|these|each|given) (?:following|given|above|below|provided)\b|\bgiven (?:a|an|the|this|two|some)\b|\b(?:this|the) (?:sentence|paragraph|passage|article|text|review|tweet|email|code|table|context|poem|dialogue|conversation|essay|statement)\b",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|_| unreachable!("the patterns are used in tests"))
}

fn is_order(instruction: &str) -> bool {
    let rest = POLITE.find(instruction).map_or(instruction, |polite| &instruction[polite.end()..]);
    let first: String =
        rest.trim_start().chars().take_while(|c| c.is_alphabetic()).take(30).flat_map(char::to_lowercase).collect();
    words("verb").any(|verb| verb == first)
}

/// None where the instruction speaks of no text that is given.
fn lacks_input(row: &Instruction) -> Option<bool> {
    let holds_text = row.instruction.contains([':', '"', '“', '\n']);
    let is_hole = row.input.trim().is_empty() || (row.input.len() < 80 && Surface::of(&row.input).has_placeholder);
    GIVEN.is_match(&row.instruction).then_some(is_hole && !holds_text)
}

fn forms(rows: &Rows<'_>, slices: &[&str], out: &mut Collector<'_>) {
    let asked = |row: &Instruction| !row.instruction.trim().is_empty();
    let mut each = |metric: &Metric, of: &(dyn Fn(&Instruction) -> Option<bool> + Sync)| {
        push(rows, slices, out, metric, &flags(rows, of));
    };
    each(&table::QUESTION_FORM, &|row| asked(row).then(|| QUESTION.is_match(&row.instruction)));
    each(&table::IMPERATIVE_FORM, &|row| asked(row).then(|| is_order(&row.instruction)));
    each(&table::MISSING_INPUT, &|row| Some(row.input.trim().is_empty()));
    each(&table::INPUT_MISMATCH, &|row| asked(row).then(|| lacks_input(row) == Some(true)));
    each(&table::UNANSWERABLE, &|row| {
        asked(row).then(|| marks(&row.instruction).any(|mark| mark.kind == PhraseKind::Unanswerable))
    });
    each(&table::EMPTY_OUTPUT, &|row| Some(row.output.trim().is_empty()));
}

/// Whether a needle of words stands in a text with no letter or digit beside it.
fn holds(text: &str, needle: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(needle)
        .any(|(at, _)| !is_word(text[..at].chars().next_back()) && !is_word(text[at + needle.len()..].chars().next()))
}

fn outputs(rows: &Rows<'_>, answers: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let leaked = flags(rows, |row| {
        let output = row.output.trim().trim_end_matches('.').to_lowercase();
        let n_words = output.split_whitespace().count();
        let given = || holds(&row.instruction.to_lowercase(), &output) || holds(&row.input.to_lowercase(), &output);
        (1..=4).contains(&n_words).then(given)
    });
    push(rows, &answers.slices, out, &table::OUTPUT_LEAKED, &leaked);
    let head = |text: &str| text.split_whitespace().take(params.rouge_words).map(word_number).collect::<Vec<u32>>();
    let copied = flags(rows, |row| {
        let (input, output) = (head(&row.input), head(&row.output));
        let applies = output.len() >= 5 && !input.is_empty();
        applies.then(|| Pattern::new(&output).lcs(&input) as f64 >= params.input_copy * output.len() as f64)
    });
    push(rows, &answers.slices, out, &table::INPUT_COPIED, &copied);
    novel(rows, &answers.slices, out);
    let n_words = |text: &str| text.split_whitespace().count() as f64;
    let ratio = rows.each_ref().map(|rows| {
        let part =
            |(_, row): &(u32, &Instruction)| (n_words(&row.output), n_words(&row.instruction) + n_words(&row.input));
        rows.iter().map(part).collect::<Vec<Part>>()
    });
    out.ratio(&table::OUTPUT_INPUT_RATIO, ratio.each_ref().map(Vec::as_slice))
        .by_slice(answers.slices.iter().copied(), &ratio[1]);
}

/// Names and numbers that the outputs of rows with an input add to what they were given.
fn novel(rows: &Rows<'_>, slices: &[&str], out: &mut Collector<'_>) {
    let params = out.params;
    let of_row = |(_, row): &(u32, &Instruction)| match row.input.trim() {
        "" => (Vec::new(), 0),
        _ => novel_names(&row.output, [&row.instruction, &row.input]),
    };
    let found = rows.each_ref().map(|rows| rows.par_iter().map(of_row).collect::<Vec<(Vec<String>, usize)>>());
    let parts = found
        .each_ref()
        .map(|found| found.iter().map(|(novel, n)| (novel.len() as f64, *n as f64)).collect::<Vec<Part>>());
    let shown = rows[1].iter().zip(&found[1]).filter(|(_, (novel, _))| !novel.is_empty());
    let shown = shown.map(|((row, text), (novel, _))| (*row, format!("{} | {}", novel.join(", "), text.output)));
    out.ratio(&table::NOVEL_NAMES, parts.each_ref().map(Vec::as_slice))
        .by_slice(slices.iter().copied(), &parts[1])
        .examples(params, shown);
}

/// A word as a number, by hash: two rows are compared, not a vocabulary.
fn word_number(word: &str) -> u32 {
    xxhash_rust::xxh3::xxh3_64(word.as_bytes()) as u32
}

/// Outputs that stop at a length where many stop.
fn truncated(rows: &Rows<'_>, answers: &Pair<'_>, out: &mut Collector<'_>) {
    let parts = rows.each_ref().map(|rows| {
        let lengths: Vec<usize> = rows.iter().map(|(_, row)| row.output.split_whitespace().count()).collect();
        let mut sorted = lengths.clone();
        sorted.sort_unstable();
        let longest = &sorted[sorted.len() * 9 / 10..];
        let is_near = |one: usize, other: usize| one.abs_diff(other) * 50 <= other;
        let near = |length: usize| longest.iter().filter(|other| is_near(**other, length)).count();
        // Among equals the longest: the limit is an upper end.
        let mode = longest.iter().copied().filter(|length| *length >= 20).max_by_key(|length| (near(*length), *length));
        let is_cut =
            |at: usize| mode.is_some_and(|mode| is_near(lengths[at], mode)) && Surface::of(&rows[at].1.output).is_cut;
        let cut: Vec<bool> = (0..rows.len()).map(is_cut).collect();
        let is_pattern = cut.iter().filter(|is_cut| **is_cut).count() >= 3;
        let part = |(is_cut, length): (&bool, &usize)| {
            (f64::from(u8::from(*is_cut && is_pattern)), f64::from(u8::from(*length > 0)))
        };
        cut.iter().zip(&lengths).map(part).collect::<Vec<Part>>()
    });
    push(rows, &answers.slices, out, &table::TRUNCATED, &parts);
}

fn wrong_by_rule(rows: &Rows<'_>, out: &mut Collector<'_>) {
    let checks = |row: &Instruction| AnswerRule::ALL.map(|rule| rule.check(&row.instruction, &row.output));
    let checked = rows.each_ref().map(|rows| rows.par_iter().map(|(_, row)| checks(row)).collect::<Vec<_>>());
    let parts = checked.each_ref().map(|checked| {
        let part = |checks: &[Option<bool>; 5]| match checks.iter().flatten().count() {
            0 => (0.0, 0.0),
            _ => (f64::from(u8::from(checks.contains(&Some(false)))), 1.0),
        };
        checked.iter().map(part).collect::<Vec<Part>>()
    });
    push(rows, &[], out, &table::WRONG_BY_RULE, &parts);
    let share = |side: usize, rule: usize| {
        let spoken: Vec<bool> = checked[side].iter().filter_map(|checks| checks[rule]).collect();
        (!spoken.is_empty()).then(|| spoken.iter().filter(|holds| !**holds).count() as f64 / spoken.len() as f64)
    };
    let names = AnswerRule::ALL.iter().enumerate();
    let lines: Vec<_> =
        names.map(|(at, rule)| (format!("{} broken, share", rule.name()), share(0, at), share(1, at))).collect();
    for (name, reference, candidate) in lines.into_iter().filter(|line| line.1.is_some() || line.2.is_some()) {
        out.last(|finding| {
            finding.detail(name, reference, candidate);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(instruction: &str, input: &str, output: &str) -> Instruction {
        Instruction { instruction: instruction.into(), input: input.into(), output: output.into() }
    }

    #[test]
    fn input_that_is_asked_for_and_missing() {
        assert_eq!(lacks_input(&row("Summarise the following article.", "", "x")), Some(true));
        assert_eq!(lacks_input(&row("Summarise the following article.", "<noinput>", "x")), Some(true));
        assert_eq!(lacks_input(&row("Summarise the following article.", "A text.", "x")), Some(false));
        assert_eq!(lacks_input(&row("Translate this sentence: I am.", "", "x")), Some(false));
        assert_eq!(lacks_input(&row("Write a poem.", "", "x")), None);
    }

    #[test]
    fn orders_and_questions() {
        assert!(is_order("Please write a poem") && is_order("Could you please list them?") && !is_order("The sky is"));
        assert!(
            QUESTION.is_match("Which is it") && QUESTION.is_match("Tell me, is it so?") && !QUESTION.is_match("Write.")
        );
    }

    #[test]
    fn answers_that_stand_in_the_question() {
        assert!(holds("is it red or blue", "red") && !holds("bored", "red"));
        assert!(!holds("", "red") && holds("😀red😀", "red"));
    }
}
