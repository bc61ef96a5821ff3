//! Instances: inputs and outputs cut out of a worker's reply.
//!
//! Source: the released `prepare_for_finetuning.py` of Self-Instruct and `sample_instances.py` of Ensemble-Instruct. Where
//! they have a defect, `compat = "released"` keeps it and the default mends it; each is named where it is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gristmill_lm::Finish;
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::python_text::split_lines;
use crate::kit::Draws;

/// Whose behaviour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compat {
    /// Ours: defects mended.
    #[default]
    Mended,
    /// The released code's, where it is deterministic.
    Released,
}

/// One input with its output; the input may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instance {
    /// The input.
    pub input: String,
    /// The output.
    pub output: String,
}

/// Rules of Self-Instruct's instances, in their order.
pub const RULES: &[&str] = &[
    "reply_has_instances",
    "finished",
    "output_given",
    "output_differs_from_input",
    "no_open_colon",
    "one_output_per_input",
    "said_once",
    "among_those_drawn",
];

fn pattern(cell: &'static LazyLock<Option<Regex>>) -> Option<&'static Regex> {
    cell.as_ref()
}

/// The instances of a reply to the input-first prompt: "Example 1 / input / Output: …".
///
/// Released: any word "Example" in running text also splits. Mended: only at the start of a line.
pub fn input_first(reply: &str, compat: Compat) -> Vec<Instance> {
    static ANYWHERE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Example\s?\d*\.?").ok());
    static AT_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^Example\s?\d*\.?:?").ok());
    static OUTPUT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Output\s*\d*\s*:").ok());
    let example = match compat {
        Compat::Released => pattern(&ANYWHERE),
        Compat::Mended => pattern(&AT_LINE),
    };
    let (Some(example), Some(output)) = (example, pattern(&OUTPUT)) else { return Vec::new() };
    if example.is_match(reply) {
        return example.split(reply).map(str::trim).filter(|piece| !piece.is_empty()).map(pair).collect();
    }
    if output.is_match(reply) { vec![pair(reply)] } else { Vec::new() }
}

/// Input before the first "Output:", output after it up to the next "Input:"; without "Output:" all is output.
fn pair(piece: &str) -> Instance {
    static OUTPUT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Output\s*\d*\s*:").ok());
    static INPUT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Input\s*\d*\s*:").ok());
    let (Some(output), Some(input)) = (pattern(&OUTPUT), pattern(&INPUT)) else {
        return Instance { input: String::new(), output: piece.trim().to_owned() };
    };
    let Some(mark) = output.find(piece) else {
        return Instance { input: String::new(), output: piece.trim().to_owned() };
    };
    let (before, after) = (piece[..mark.start()].trim(), piece[mark.end()..].trim());
    // A second output belongs to another instance that was not marked as one.
    let after = output.find(after).map_or(after, |next| &after[..next.start()]);
    let after = input.find(after).map_or(after, |next| &after[..next.start()]);
    let before = match input.find(before).filter(|found| found.start() == 0) {
        Some(label) => before[label.end()..].trim(),
        None => before,
    };
    Instance { input: before.to_owned(), output: after.trim().to_owned() }
}

/// The instances of a reply to the output-first prompt: "Class label: X" and the input in the lines below.
pub fn output_first(reply: &str) -> Vec<Instance> {
    let mut pieces = reply.split("Class label:");
    pieces.next();
    pieces
        .filter(|piece| !piece.trim().is_empty())
        .map(|piece| {
            let (label, input) = piece.trim().split_once('\n').unwrap_or((piece.trim(), ""));
            Instance { input: input.trim().to_owned(), output: label.trim().to_owned() }
        })
        .collect()
}

/// Judges the instances of one instruction: each with the rule that ends it, if any. At most `keep` go on, drawn by the
/// seed; the released code draws with Python's generator, in an order that differs from run to run.
pub fn judge(
    instances: Vec<Instance>,
    finish: Finish,
    keep: usize,
    draws: &mut Draws,
) -> Vec<(Instance, Option<&'static str>)> {
    let last = instances.len().saturating_sub(1);
    let mut judged: Vec<(Instance, Option<&'static str>)> = instances
        .into_iter()
        .enumerate()
        .map(|(i, instance)| {
            let cut = i == last && finish == Finish::Length;
            let fails = if cut { Some("finished") } else { fault(&instance) };
            (instance, fails)
        })
        .collect();
    let live = |judged: &[(Instance, Option<&'static str>)]| -> Vec<usize> {
        (0..judged.len()).filter(|i| judged[*i].1.is_none()).collect()
    };
    if conflicts(live(&judged).into_iter().map(|i| &judged[i].0)) {
        live(&judged).into_iter().for_each(|i| judged[i].1 = Some("one_output_per_input"));
    }
    for i in live(&judged) {
        if judged[..i].iter().any(|(earlier, fails)| fails.is_none() && *earlier == judged[i].0) {
            judged[i].1 = Some("said_once");
        }
    }
    let left = live(&judged);
    let drawn = draws.sample(&left, keep);
    for i in &left {
        if !drawn.contains(&i) {
            judged[*i].1 = Some("among_those_drawn");
        }
    }
    judged
}

fn fault(instance: &Instance) -> Option<&'static str> {
    if instance.output.is_empty() {
        Some("output_given")
    } else if instance.input == instance.output {
        Some("output_differs_from_input")
    } else if instance.input.ends_with(':') || instance.output.ends_with(':') {
        Some("no_open_colon")
    } else {
        None
    }
}

/// Whether some input that is not empty has two outputs; then no instance of the instruction can be trusted.
fn conflicts<'a>(instances: impl Iterator<Item = &'a Instance>) -> bool {
    let mut outputs: BTreeMap<&str, &str> = BTreeMap::new();
    for instance in instances.filter(|instance| !instance.input.is_empty()) {
        if outputs.insert(&instance.input, &instance.output).is_some_and(|earlier| earlier != instance.output) {
            return true;
        }
    }
    false
}

/// Rules of Ensemble-Instruct's instances.
pub const LABELLED_RULES: &[&str] = &["reply_has_instances", "output_given"];

/// The instances of a labelled reply: blocks of `input:` and `output:` lines, ended by a mark.
///
/// Released: only the first block of a reply is ever read, only the first line of a field survives, and a caret in the
/// text also splits. Mended: every block is read, and a field goes on until the next label.
pub fn labelled(reply: &str, mark: &str, compat: Compat) -> Vec<Instance> {
    match compat {
        Compat::Released => labelled_released(reply, mark).into_iter().collect(),
        Compat::Mended => labelled_mended(reply, mark),
    }
}

fn labelled_released(reply: &str, mark: &str) -> Option<Instance> {
    let reply = reply.trim().replace("\n\n", "^");
    let block = reply.split('^').next()?;
    let lines = split_lines(block);
    let field = |line: &str, label: &str| line.replace(label, "").replace(mark, "").trim().to_owned();
    let first = lines.first()?;
    let instance = if first.contains("input:") {
        let second = lines.get(1).filter(|line| line.contains("output:"))?;
        Instance { input: field(first, "input:"), output: field(second, "output:") }
    } else if first.contains("output:") {
        Instance { input: String::new(), output: field(first, "output:") }
    } else {
        return None;
    };
    instance.output.split_whitespace().next()?;
    Some(instance)
}

fn labelled_mended(reply: &str, mark: &str) -> Vec<Instance> {
    let (mut found, mut input, mut output): (Vec<Instance>, Vec<&str>, Option<Vec<&str>>) = (Vec::new(), vec![], None);
    let mut close = |input: &mut Vec<&str>, output: &mut Option<Vec<&str>>| {
        if let Some(lines) = output.take() {
            let text = |lines: &[&str]| lines.join("\n").trim().to_owned();
            found.push(Instance { input: text(input), output: text(&lines) });
        }
        input.clear();
    };
    for line in reply.lines() {
        let (line, ended) = match line.split_once(mark).filter(|_| !mark.is_empty()) {
            Some((before, _)) => (before, true),
            None => (line, false),
        };
        if let Some(rest) = line.trim_start().strip_prefix("input:") {
            close(&mut input, &mut output);
            input.push(rest);
        } else if let Some(rest) = line.trim_start().strip_prefix("output:") {
            if output.is_some() {
                close(&mut input, &mut output);
            }
            output = Some(vec![rest]);
        } else if line.trim_start().starts_with("instruction:") {
            break; // The worker went on to an instruction of its own.
        } else if let Some(lines) = &mut output {
            lines.push(line);
        } else if !input.is_empty() {
            input.push(line);
        }
        if ended && output.is_some() {
            close(&mut input, &mut output);
        }
    }
    close(&mut input, &mut output);
    found
}

/// Whether a reply to "is it classification?" says yes.
pub fn says_classification(reply: &str) -> bool {
    matches!(reply.trim(), "Yes" | "yes" | "YES")
}

/// What a plain answer is: the reply without the mark and the white space around it.
pub fn plain_answer(reply: &str, mark: &str) -> String {
    if mark.is_empty() { reply.trim().to_owned() } else { reply.replace(mark, "").trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(input: &str, output: &str) -> Instance {
        Instance { input: input.into(), output: output.into() }
    }

    #[test]
    fn input_first_replies_are_cut_at_examples_and_outputs() {
        let reply = "Example 1\nInput: 2 and 3\nOutput: 5\nExample 2\nInput: 4 and 4\nOutput: 8";
        let expected = [instance("2 and 3", "5"), instance("4 and 4", "8")];
        assert_eq!(input_first(reply, Compat::Released), expected);
        assert_eq!(input_first(reply, Compat::Mended), expected);
        assert_eq!(input_first("Output: alone", Compat::Mended), [instance("", "alone")]);
        assert_eq!(input_first("nothing to read", Compat::Mended), []);
        // The released code also splits at the word in running text.
        let running = "Example 1\nOutput: For Example it rains.";
        assert_eq!(input_first(running, Compat::Mended), [instance("", "For Example it rains.")]);
        assert_eq!(input_first(running, Compat::Released), [instance("", "For"), instance("", "it rains.")]);
    }

    #[test]
    fn output_first_replies_give_the_label_and_the_lines_below() {
        let reply = "Class label: Spam\nText: win a prize\nClass label: Ham\nText: see you at ten";
        assert_eq!(
            output_first(reply),
            [instance("Text: win a prize", "Spam"), instance("Text: see you at ten", "Ham")]
        );
    }

    #[test]
    fn two_outputs_for_an_input_end_all_instances_of_the_instruction() {
        let judged = |instances: &[Instance]| {
            let mut draws = Draws::of(1, &[]);
            let judged = judge(instances.to_vec(), Finish::Stop, 5, &mut draws);
            judged.into_iter().map(|(_, fails)| fails).collect::<Vec<_>>()
        };
        let conflict = [instance("a", "1"), instance("a", "2"), instance("b", "3")];
        assert_eq!(judged(&conflict), [Some("one_output_per_input"); 3]);
        // An empty input has no conflict: many answers to an open question are fine.
        assert_eq!(judged(&[instance("", "1"), instance("", "2")]), [None, None]);
        assert_eq!(judged(&[instance("a", "1"), instance("a", "1")]), [None, Some("said_once")]);
        let invalid = [instance("x", "x"), instance("y", ""), instance("z:", "1"), instance("w", "ok")];
        let expected = [Some("output_differs_from_input"), Some("output_given"), Some("no_open_colon"), None];
        assert_eq!(judged(&invalid), expected);
        let many: Vec<Instance> = (0..7).map(|i| instance(&i.to_string(), "o")).collect();
        assert_eq!(judged(&many).iter().filter(|fails| fails.is_none()).count(), 5);
    }

    #[test]
    fn labelled_replies_as_released_and_mended() {
        let reply = "input: a\noutput: b\nmore |EoS|\n\ninput: c\noutput: d |EoS|";
        assert_eq!(labelled(reply, "|EoS|", Compat::Released), [instance("a", "b")]);
        assert_eq!(labelled(reply, "|EoS|", Compat::Mended), [instance("a", "b\nmore"), instance("c", "d")]);
        assert_eq!(labelled("", "|EoS|", Compat::Released), []);
        assert_eq!(labelled("output: x", "|EoS|", Compat::Released), [instance("", "x")]);
        assert_eq!(labelled("instruction: no\noutput: x", "|EoS|", Compat::Mended), []);
    }
}
