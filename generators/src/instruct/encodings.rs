//! Prompt and completion of an instance, in one of several layouts, so that a tuned model learns no single one.
//!
//! Source: the released `prepare_for_finetuning.py` of Self-Instruct: seven layouts with an input and six without, drawn
//! for each instance; before that, half of the inputs lose the one label they begin with and their blank lines. The
//! layouts are ours. Released, a label is whatever word stands before the only colon, wherever that is, and all before it
//! goes with it ("Meet me at the gate: bring a lamp" becomes "bring a lamp"); mended, it must be the input's first word.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use gristmill_core::params::ParamError;
use gristmill_core::stage::Reads;
use regex::Regex;
use serde::Deserialize;
use serde_json::json;

use super::instances::{Compat, Instance};
use crate::kit::{Draws, Template};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    prompt: String,
    completion: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layouts {
    with_input: Vec<Written>,
    without_input: Vec<Written>,
}

/// The layouts, and how inputs are changed before they are laid out.
pub(super) struct Encodings {
    with_input: Vec<[Template; 2]>,
    without_input: Vec<[Template; 2]>,
    /// Share of inputs that lose their label and blank lines.
    pub(super) plain_share: f64,
    /// Ends every completion.
    pub(super) end_of_text: String,
    pub(super) compat: Compat,
}

/// What a model is to continue, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) prompt: String,
    pub(super) completion: String,
    /// Number of the layout among those of its sort.
    pub(super) layout: usize,
}

const BUILT_IN: &str = include_str!("../../../configs/prompts/self_instruct/encodings.json");

impl Encodings {
    /// Reads the layouts of a file, or the built-in ones.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no layouts.
    pub(super) fn read(reads: &Reads, path: Option<&Path>) -> Result<Self, ParamError> {
        let refuse = |cause: String| ParamError::at("encodings", cause);
        let text = match path {
            None => reads.text(BUILT_IN),
            Some(path) => reads.file("encodings", "the layouts", path)?,
        };
        let layouts: Layouts = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        if layouts.with_input.is_empty() || layouts.without_input.is_empty() {
            return Err(refuse("expected at least one layout with and one without an input".into()));
        }
        let compile = |written: Vec<Written>| -> Result<Vec<[Template; 2]>, ParamError> {
            let each = |w: Written| Ok([Template::new(&w.prompt)?, Template::new(&w.completion)?]);
            written.into_iter().map(each).collect::<Result<_, String>>().map_err(refuse)
        };
        Ok(Self {
            with_input: compile(layouts.with_input)?,
            without_input: compile(layouts.without_input)?,
            plain_share: 0.0,
            end_of_text: String::new(),
            compat: Compat::Mended,
        })
    }

    /// Lays out an instance.
    ///
    /// # Errors
    /// When a layout names something else than `instruction`, `input` and `output`.
    pub(super) fn encode(&self, instruction: &str, instance: &Instance, draws: &mut Draws) -> Result<Encoded, String> {
        let plain = draws.unit() < self.plain_share;
        let input = if plain { plain_input(&instance.input, self.compat) } else { instance.input.trim().to_owned() };
        let layouts = if input.is_empty() { &self.without_input } else { &self.with_input };
        let layout = draws.below(layouts.len());
        let [prompt, completion] = &layouts[layout];
        let parts = json!({ "instruction": instruction.trim(), "input": input, "output": instance.output.trim() });
        let completion = completion.render(&parts)? + &self.end_of_text;
        Ok(Encoded { prompt: prompt.render(&parts)?, completion, layout })
    }
}

/// The input without the one label it has and without blank lines.
fn plain_input(input: &str, compat: Compat) -> String {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(\w+):").ok());
    let input = input.trim();
    let labels: BTreeSet<&str> = WORD.as_ref().map_or_else(BTreeSet::new, |word| {
        word.captures_iter(input).filter_map(|found| Some(found.get(1)?.as_str())).collect()
    });
    let label = if labels.len() == 1 { labels.first().copied() } else { None };
    let rest = label.and_then(|label| match compat {
        Compat::Released => input.split_once(':').map(|(_, rest)| rest.trim()),
        Compat::Mended => input.strip_prefix(label)?.strip_prefix(':').map(str::trim).filter(|rest| !rest.is_empty()),
    });
    rest.unwrap_or(input).replace("\n\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the released code has it, by hand; the mended one keeps what is no label.
    #[test]
    fn an_input_loses_its_one_label_and_its_blank_lines() {
        for (input, mended, released) in [
            ("Sentence: It rains.", "It rains.", "It rains."),
            ("Text: a\n\nb", "a\nb", "a\nb"),
            ("A: one\nB: two", "A: one\nB: two", "A: one\nB: two"),
            ("Meet me at the gate: bring a lamp", "Meet me at the gate: bring a lamp", "bring a lamp"),
            ("Name:", "Name:", ""),
            ("nothing", "nothing", "nothing"),
        ] {
            assert_eq!(plain_input(input, Compat::Mended), mended);
            assert_eq!(plain_input(input, Compat::Released), released);
        }
    }

    #[test]
    fn layouts_keep_every_part_and_end_as_asked() {
        let mut encodings = Encodings::read(&Reads::default(), None).unwrap();
        assert_eq!((encodings.with_input.len(), encodings.without_input.len()), (7, 6));
        encodings.end_of_text = "<end>".into();
        let instance = |input: &str| Instance { input: input.into(), output: "OUT".into() };
        let mut seen = BTreeSet::new();
        for n in 0..200_u32 {
            let mut draws = Draws::of(1, &[&n.to_string()]);
            let with = encodings.encode("ASK", &instance("IN"), &mut draws).unwrap();
            assert!(with.prompt.contains("ASK") && with.prompt.contains("IN") && !with.prompt.contains("OUT"));
            assert!(with.completion.ends_with("OUT<end>"));
            let without = encodings.encode("ASK", &instance(""), &mut draws).unwrap();
            assert!(without.prompt.contains("ASK") && without.completion.ends_with("OUT<end>"));
            seen.insert((with.layout, without.layout));
        }
        assert_eq!(seen.iter().map(|(with, _)| with).collect::<BTreeSet<_>>().len(), 7);
        assert_eq!(seen.iter().map(|(_, without)| without).collect::<BTreeSet<_>>().len(), 6);
    }
}
