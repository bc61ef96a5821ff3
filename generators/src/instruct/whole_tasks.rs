//! Whole tasks: a reply that lists instruction, input and output of several tasks, cut up and held against the rules.
//!
//! Source: Stanford Alpaca (Taori et al. 2023) and its released `generate_instruction.py`: tasks between `###` marks, three
//! labelled fields each, the last task of a cut reply dropped, then the rules of Self-Instruct with more words that only
//! other media can serve. We differ: the numbers before the labels are not compared (a model that miscounts loses
//! nothing), and a task without an output is dropped, unless it is asked for as released.

use std::sync::LazyLock;

use gristmill_core::measures::novelty::{NoveltyIndex, NoveltyParams};
use gristmill_lm::Finish;
use regex::Regex;

use super::candidates::{Candidates, InstructionRules};

/// An instruction with its input, which may be empty, and its output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct WholeTask {
    pub(crate) instruction: String,
    pub(crate) input: String,
    pub(crate) output: String,
}

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A task.
    Task(WholeTask),
    /// A piece that is none, and the rule that ends it.
    Not(&'static str, String),
}

/// Stands for "no input" in prompts and replies.
pub(crate) const NO_INPUT: &str = "<noinput>";

/// Names of the rules, in their order.
pub(crate) const RULES: &[&str] = &[
    "reply_has_tasks",
    "finished",
    "whole_task",
    "enough_words",
    "not_too_many_words",
    "task_for_a_text_model",
    "wanted_task",
    "starts_with_no_punctuation",
    "starts_in_ascii",
    "output_given",
    "novel",
];

/// Words of tasks that a text model cannot do, besides those of Self-Instruct.
const OTHER_MEDIA: [&str; 5] = ["video", "audio", "music", "flowchart", "diagram"];

/// Which instructions are usable, as Alpaca has it.
pub(crate) fn rules() -> InstructionRules {
    let mut rules = InstructionRules::default();
    rules.unsuitable_words.extend(OTHER_MEDIA.map(str::to_owned));
    rules
}

/// The tasks of a reply that continues a list whose last line is the label of an instruction.
pub(crate) fn pieces(reply: &str, finish: Finish) -> Vec<Piece> {
    static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?m)^[ \t*]*(?:\d+[ \t]*\.)?[ \t*]*(Instruction|Input|Output)[ \t*]*:[ \t*]*").ok()
    });
    let Some(label) = LABEL.as_ref() else { return Vec::new() };
    let begins_with_label = label.find(reply.trim_start()).is_some_and(|found| found.start() == 0);
    let begins_with_mark = reply.trim_start().starts_with("###");
    let whole = match begins_with_label || begins_with_mark {
        true => reply.to_owned(),
        false => format!("Instruction: {}", reply.trim_start()),
    };
    let texts: Vec<&str> = whole.split("###").map(str::trim).filter(|text| !text.is_empty()).collect();
    let last = texts.len().saturating_sub(1);
    let piece = |(i, text): (usize, &&str)| {
        if i == last && finish == Finish::Length {
            return Piece::Not("finished", (*text).to_owned());
        }
        task(label, text).map_or_else(|| Piece::Not("whole_task", (*text).to_owned()), Piece::Task)
    };
    let found: Vec<Piece> = texts.iter().enumerate().map(piece).collect();
    let nothing = reply.trim().is_empty() || found.is_empty();
    if nothing { vec![Piece::Not("reply_has_tasks", reply.to_owned())] } else { found }
}

/// The task of a piece that has the three fields in their order and nothing else.
fn task(label: &Regex, piece: &str) -> Option<WholeTask> {
    let marks: Vec<(usize, usize, &str)> = label
        .captures_iter(piece)
        .filter_map(|found| Some((found.get(0)?.start(), found.get(0)?.end(), found.get(1)?.as_str())))
        .collect();
    let [instruction, input, output] = marks[..] else { return None };
    if [instruction.2, input.2, output.2] != ["Instruction", "Input", "Output"] || instruction.0 != 0 {
        return None;
    }
    let field = |from: usize, to: usize| piece[from..to].trim().to_owned();
    let given = field(input.1, output.0);
    Some(WholeTask {
        instruction: super::python_text::level(&field(instruction.1, input.0)),
        input: if given.eq_ignore_ascii_case(NO_INPUT) { String::new() } else { given },
        output: field(output.1, piece.len()),
    })
}

/// Lets tasks in that are usable and unlike all before.
pub(crate) struct TaskGate {
    candidates: Candidates,
    index: NoveltyIndex,
    known: Vec<String>,
    output_needed: bool,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The rule it fails.
    pub(crate) fails: Option<&'static str>,
    /// The closest instruction so far with its ROUGE-L F, where it was compared.
    pub(crate) closest: Option<(String, f64)>,
}

impl TaskGate {
    /// A gate that knows the seeds.
    pub(crate) fn new(rules: InstructionRules, novelty: NoveltyParams, seeds: &[String], output_needed: bool) -> Self {
        let mut index = NoveltyIndex::new(novelty);
        for seed in seeds {
            index.insert(seed);
        }
        Self { candidates: Candidates::new(rules), index, known: seeds.to_vec(), output_needed }
    }

    /// Judges a task; one that passes stands against all later ones.
    pub(crate) fn judge(&mut self, task: &WholeTask) -> Verdict {
        let fault = self.candidates.fault(&task.instruction);
        let fault = fault.or((self.output_needed && task.output.is_empty()).then_some("output_given"));
        if fault.is_some() {
            return Verdict { fails: fault, closest: None };
        }
        let closest = self.index.most_similar(&task.instruction, 1).first().copied();
        let closest = closest.map(|found| (self.known[found.record].clone(), found.f));
        if !self.index.offer(&task.instruction).is_novel() {
            return Verdict { fails: Some("novel"), closest };
        }
        self.known.push(task.instruction.clone());
        Verdict { fails: None, closest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(instruction: &str, input: &str, output: &str) -> Piece {
        Piece::Task(WholeTask { instruction: instruction.into(), input: input.into(), output: output.into() })
    }

    #[test]
    fn a_reply_is_cut_at_its_marks_and_each_piece_has_three_fields() {
        let reply = " Name a river.\n4. Input:\n<noinput>\n4. Output:\nThe Loire.\n###\n5. Instruction: Add.\n5. Input: 1 \
                     and 2\n5. Output: 3\n\nor three\n###\n6. Instruction: No input label.\n6. Output: x\n###\n\
                     7. Instruction: Sub";
        let expected = [
            task("Name a river.", "", "The Loire."),
            task("Add.", "1 and 2", "3\n\nor three"),
            Piece::Not("whole_task", "6. Instruction: No input label.\n6. Output: x".into()),
        ];
        let found = pieces(reply, Finish::Length);
        assert_eq!(found[..3], expected);
        assert_eq!(found[3], Piece::Not("finished", "7. Instruction: Sub".into()));
        // Chat models begin the list anew, in bold.
        let chat = "###\n**1. Instruction:** Name a river.\n**1. Input:**\n<NoInput>\n**1. Output:** The Loire.";
        assert_eq!(pieces(chat, Finish::Stop), [task("Name a river.", "", "The Loire.")]);
        assert_eq!(pieces(" ", Finish::Stop), [Piece::Not("reply_has_tasks", " ".into())]);
    }

    #[test]
    fn the_gate_knows_the_seeds_and_what_it_let_in() {
        let seeds = ["Name three rivers in Asia.".to_owned()];
        let mut gate = TaskGate::new(rules(), NoveltyParams::default(), &seeds, true);
        let mut fails = |instruction: &str, output: &str| {
            let task = WholeTask { instruction: instruction.into(), output: output.into(), ..WholeTask::default() };
            gate.judge(&task).fails
        };
        assert_eq!(fails("Name three rivers in Asia today.", "x"), Some("novel"));
        assert_eq!(fails("Describe the music of the sea.", "x"), Some("task_for_a_text_model"));
        assert_eq!(fails("Explain how bread is baked.", ""), Some("output_given"));
        assert_eq!(fails("Explain how bread is baked.", "x"), None);
        assert_eq!(fails("Explain how bread is baked now.", "x"), Some("novel"));
    }
}
