//! Consensus: which of several workers' outputs to keep, and whether they agree at all.
//!
//! Source: Ensemble-Instruct, Lee et al. 2023, arXiv:2310.13961, algorithm 1, and the released `ensemble_output.py`. Its
//! authors have a patent application on the method (US 2026/0105297 A1).

use gristmill_core::measures::chrf::Chrf;
use gristmill_core::measures::rouge::Rouge;
use gristmill_core::measures::tokens::{Stemmer, Tokenizer};
use gristmill_lm::Embedded;
use serde::{Deserialize, Serialize};

use super::python_text::PUNCTUATION;

/// Whose rule decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The released code: an exact match with the first output keeps the first, one among the others keeps the first of
    /// those; else the largest sum of similarities to the others wins.
    #[default]
    Code,
    /// The shipped sample: any exact match keeps the first output.
    Sample,
    /// The paper's algorithm: no branch for exact matches; the first of the most similar pair.
    Paper,
}

/// How alike two outputs are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Similarity {
    /// ROUGE-L F of the normalised texts, stemmed.
    #[default]
    RougeL,
    /// 1 if the normalised texts are equal, else 0.
    ExactMatch,
    /// chrF of the normalised texts, either held against the other: for scripts in which ROUGE finds no words.
    Chrf,
    /// Cosine of the embeddings of the normalised texts, by a worker that gives such.
    Embedding,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// The first output is equal to another.
    FirstEqual,
    /// Two others are equal.
    OthersEqual,
    /// Similarity.
    Similarity,
}

/// The verdict on the outputs of one input.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Which output is kept, and why.
    Keep {
        /// Its number.
        chosen: usize,
        /// What decided.
        branch: Branch,
        /// Sum of its similarities to the others; none for an exact match.
        score: Option<f64>,
    },
    /// No output is kept: the rule's name, and the least similarity of any pair.
    Drop {
        /// `agreed` or `output_given`.
        rule: &'static str,
        /// The least similarity.
        least: f64,
    },
}

impl Verdict {
    /// The output that is kept. One chosen by similarity loses the white space around it, as in the released code.
    pub fn text<'a>(&self, outputs: &[&'a str]) -> Option<&'a str> {
        match self {
            Self::Keep { chosen, branch: Branch::Similarity, .. } => outputs.get(*chosen).map(|text| text.trim()),
            Self::Keep { chosen, .. } => outputs.get(*chosen).copied(),
            Self::Drop { .. } => None,
        }
    }
}

/// Compares outputs.
pub struct Consensus {
    policy: Policy,
    similarity: Similarity,
    /// Pairs must all be more similar than this; 0.01 in the paper.
    threshold: f64,
    rouge: Rouge,
    least: f64,
}

/// A text as it is compared: lower case, no ASCII punctuation, single spaces.
pub fn normalise(text: &str) -> String {
    let kept: String = text.to_lowercase().chars().filter(|c| !PUNCTUATION.contains(*c)).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Consensus {
    /// A comparison of outputs.
    pub fn new(policy: Policy, similarity: Similarity, threshold: f64) -> Self {
        let rouge = Rouge::with_tokenizer(Tokenizer::RougeScore, Stemmer::Porter);
        Self { policy, similarity, threshold, rouge, least: 0.0 }
    }

    /// Judges the outputs of one input: the generator's first, then the others' in order. With fewer than two there is
    /// nothing to agree on and the first is kept if it says anything.
    ///
    /// `points` are the embeddings of the [`normalise`]d outputs, for [`Similarity::Embedding`]; without them no two
    /// outputs are alike by it.
    pub fn judge(&mut self, outputs: &[&str], points: &[Embedded]) -> Verdict {
        let normal: Vec<String> = outputs.iter().map(|output| normalise(output)).collect();
        let n = outputs.len();
        if self.policy != Policy::Paper
            && let Some((chosen, branch)) = self.equal(&normal)
        {
            return Verdict::Keep { chosen, branch, score: None };
        }
        if n < 2 {
            return match normal.first() {
                Some(text) if !text.is_empty() => Verdict::Keep { chosen: 0, branch: Branch::Similarity, score: None },
                _ => Verdict::Drop { rule: "output_given", least: 0.0 },
            };
        }
        let mut similar = vec![vec![0.0; n]; n];
        let (mut least, mut best_pair) = (f64::INFINITY, (0, 1, f64::NEG_INFINITY));
        for i in 0..n {
            for j in i + 1..n {
                let f = match (self.similarity, points.get(i), points.get(j)) {
                    (Similarity::Embedding, Some(a), Some(b)) => a.cosine(b),
                    _ => self.similar(&normal[i], &normal[j]),
                };
                (similar[i][j], similar[j][i]) = (f, f);
                least = least.min(f);
                if f > best_pair.2 {
                    best_pair = (i, j, f);
                }
            }
        }
        self.least = least;
        if least <= self.threshold {
            return Verdict::Drop { rule: "agreed", least };
        }
        let sums: Vec<f64> = similar.iter().map(|row| row.iter().sum()).collect();
        let chosen = match self.policy {
            Policy::Paper => best_pair.0,
            // The first of equals: the generator before the others, these in order.
            Policy::Code | Policy::Sample => (1..n).fold(0, |best, i| if sums[i] > sums[best] { i } else { best }),
        };
        if outputs[chosen].trim().is_empty() {
            return Verdict::Drop { rule: "output_given", least };
        }
        Verdict::Keep { chosen, branch: Branch::Similarity, score: Some(sums[chosen]) }
    }

    /// Whether the outputs of an input are told apart by how alike they are, so that their embeddings are needed.
    pub fn compares(&self, outputs: &[&str]) -> bool {
        let normal: Vec<String> = outputs.iter().map(|output| normalise(output)).collect();
        outputs.len() > 1 && (self.policy == Policy::Paper || self.equal(&normal).is_none())
    }

    /// The least similarity of any two outputs compared last.
    pub fn least(&self) -> f64 {
        self.least
    }

    fn equal(&self, normal: &[String]) -> Option<(usize, Branch)> {
        let first = normal.first()?;
        if normal[1..].contains(first) {
            return Some((0, Branch::FirstEqual));
        }
        let twin = (1..normal.len()).find(|i| normal[i + 1..].contains(&normal[*i]))?;
        Some((if self.policy == Policy::Sample { 0 } else { twin }, Branch::OthersEqual))
    }

    fn similar(&mut self, a: &str, b: &str) -> f64 {
        match self.similarity {
            // The released call is score(target = second, prediction = first); F is the same either way.
            Similarity::RougeL => self.rouge.rouge_l(b, a).f,
            Similarity::ExactMatch => f64::from(u8::from(a == b)),
            Similarity::Embedding => 0.0,
            // chrF weighs recall: the mean of both directions does not depend on who came first.
            Similarity::Chrf => (Chrf::CHRF.score(a, b) + Chrf::CHRF.score(b, a)) / 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(policy: Policy, outputs: &[&str]) -> Verdict {
        Consensus::new(policy, Similarity::RougeL, 0.01).judge(outputs, &[])
    }

    fn kept(policy: Policy, outputs: &[&str]) -> Option<usize> {
        match judge(policy, outputs) {
            Verdict::Keep { chosen, .. } => Some(chosen),
            Verdict::Drop { .. } => None,
        }
    }

    #[test]
    fn the_policies_differ_where_the_others_agree() {
        let outputs = ["Paris, of course", "London!", "london"];
        assert_eq!(kept(Policy::Code, &outputs), Some(1));
        assert_eq!(kept(Policy::Sample, &outputs), Some(0));
        // The paper has no such branch: Paris and London share nothing.
        assert_eq!(kept(Policy::Paper, &outputs), None);
    }

    #[test]
    fn the_output_nearest_to_all_others_wins_and_ties_go_to_the_first() {
        let outputs = ["a red car", "a red car drives", "a car drives fast"];
        assert_eq!(kept(Policy::Code, &outputs), Some(1));
        assert_eq!(kept(Policy::Code, &["a b", "a c", "a d"]), Some(0));
        assert_eq!(kept(Policy::Code, &["a b", "c d", "a b c d"]), None);
    }

    #[test]
    fn embeddings_decide_where_they_are_asked_for() {
        // Cosines of unit vectors: 0.6, 0.28 and 0.6 * 0.28 + 0.8 * 0.96 = 0.936; the second has the largest sum.
        let points = [[1.0, 0.0], [0.6, 0.8], [0.28, 0.96]];
        let points = points.map(|p| Embedded { vector: p.to_vec(), prompt_tokens: 0, cached: false });
        let mut consensus = Consensus::new(Policy::Code, Similarity::Embedding, 0.01);
        let Verdict::Keep { chosen, score, .. } = consensus.judge(&["un", "deux", "trois"], &points) else { panic!() };
        assert_eq!(chosen, 1);
        assert!((score.unwrap() - 1.536).abs() < 1e-6 && (consensus.least() - 0.28).abs() < 1e-6);
    }

    #[test]
    fn two_empty_answers_agree_as_released() {
        assert_eq!(kept(Policy::Code, &["", "", "x"]), Some(0));
        assert!(matches!(judge(Policy::Code, &[""]), Verdict::Drop { rule: "output_given", .. }));
    }
}
