//! Leaves the lines that C4's rules keep, without citations.
//!
//! Lines are judged one by one and joined again with newlines; the result is stripped and may be empty. It does not
//! drop pages: that is what rules over the annotator `c4` do, with the same parameters, before this transform.
//!
//! Source: Raffel et al. 2020, JMLR 21 (20-074), section 2.2; datatrove 0.10, `C4QualityFilter`, whose output on pages
//! it keeps is the same text; or DCLM. The causes are counted in the order in which they are looked for.

use gristmill_core::annotator::{Document, Measure, MeasureType, RecordSink, Transform, TransformEntry};
use gristmill_core::params::ParamError;
use gristmill_core::text::python_strip;
use serde_json::Value;

use super::c4_walk::{Fate, Fates, LineWalk, PARAMS};

/// The row of the transform table.
pub(super) const ENTRY: TransformEntry = TransformEntry {
    name: "c4_lines",
    about: "Removes lines without end mark, too short, or about JavaScript and cookies; deletes citations.",
    source: "Raffel et al. 2020, JMLR 21 (20-074), section 2.2; datatrove 0.10 or DCLM",
    params: PARAMS,
    build,
};

const fn n_lines(name: &'static str, about: &'static str) -> Measure {
    Measure { name, kind: MeasureType::Int, about }
}

const MEASURES: &[Measure] = &[
    n_lines("n_lines_kept", "lines that stay"),
    n_lines("n_lines_with_long_word", "lines removed for a word longer than `max_word_chars`"),
    n_lines("n_lines_without_end_mark", "lines removed for want of an end mark, or for an ellipsis"),
    n_lines("n_lines_with_few_words", "lines removed for having fewer words than `min_line_words`"),
    n_lines("n_lines_with_javascript", "lines removed for the word JavaScript"),
    n_lines("n_lines_with_policy", "lines removed for speaking of cookies, privacy policy or terms of use"),
    Measure { name: "n_citations", kind: MeasureType::Int, about: "citations deleted from lines that stay" },
];

struct C4Lines {
    walk: LineWalk,
}

fn build(value: &Value) -> Result<Box<dyn Transform>, ParamError> {
    Ok(Box::new(C4Lines { walk: LineWalk::new(value)? }))
}

impl Transform for C4Lines {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn apply(&self, document: &Document<'_>, record: &mut dyn RecordSink) -> Option<String> {
        let text = document.view.text();
        let mut fates = Fates::default();
        let mut n_citations = 0;
        let mut rewritten = String::with_capacity(text.len());
        for walked in self.walk.walk(&document.view) {
            fates.add(walked.fate);
            if walked.fate == Fate::Kept {
                n_citations += walked.n_citations;
                if fates.of(Fate::Kept) > 1 {
                    rewritten.push('\n');
                }
                rewritten.push_str(&walked.text);
            }
        }
        for fate in [Fate::Kept, Fate::LongWord, Fate::NoEndMark, Fate::FewWords, Fate::Javascript, Fate::Policy] {
            record.int(fates.of(fate));
        }
        record.int(n_citations);
        let stripped = python_strip(&rewritten);
        (stripped != text).then(|| stripped.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Measured, Record};
    use super::*;

    fn rewrite(text: &str) -> (Option<String>, Vec<Measured>) {
        let mut record = Record::default();
        let rewritten = build(&json!({})).unwrap().apply(&Document::of_text(text), &mut record);
        (rewritten, record.0)
    }

    #[test]
    fn leaves_the_lines_that_pass() {
        // Expectations: read off C4QualityFilter of datatrove 0.10.1.
        let text = format!(
            "Home | News\n  The mill is old.[1][2]  \r\nToo short.\nEnable JavaScript to go on.\n\
             Our site uses cookies, sorry.\nA {} word.\nIt grinds \u{2028}the corn every day!",
            "m".repeat(1001)
        );
        let (rewritten, record) = rewrite(&text);
        assert_eq!(rewritten.as_deref(), Some("The mill is old.\nthe corn every day!"));
        assert_eq!(record, [2, 1, 2, 1, 1, 1, 2].map(Measured::Int));
    }

    #[test]
    fn says_so_when_nothing_changes() {
        assert_eq!(rewrite("The mill is old.\nIt still grinds corn.").0, None);
        assert_eq!(rewrite("").0, None);
        assert_eq!(rewrite("nothing here").0.as_deref(), Some(""));
    }
}
