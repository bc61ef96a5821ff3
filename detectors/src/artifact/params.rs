//! The settings of an audit that are not limits: sample sizes, lengths of runs, seeds. Limits are in the preset (`bands`).

use super::measure::contamination::OverlapRule;
use super::measure::linear::Training;
use super::measure::mauve::Quantiser;
use serde::{Deserialize, Serialize};

/// A pattern that no turn of a role may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleMarker {
    /// The role, compared without case.
    pub role: String,
    /// What a turn of it holds only when the roles are flipped; plain text, case counts.
    pub foreign: String,
}

/// The settings; the defaults are the papers' where they give any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// The seed of all draws.
    pub seed: u64,
    /// Resamples of documents for metrics that are means or shares.
    pub n_bootstrap: usize,
    /// Half-samples for metrics of a whole set.
    pub n_subsamples: usize,
    /// Coverage of intervals, in (0, 1).
    pub confidence: f64,
    /// Most rows read of a side; more are drawn from by the seed. For labels, items.
    pub max_rows: usize,
    /// Most documents a side of metrics of a whole set, such as the compression ratio, which are computed of many halves.
    pub set_docs: usize,
    /// Threshold of MTLD.
    pub mtld_threshold: f64,
    /// Fewest words of a document that MTLD is computed of.
    pub mtld_min_words: usize,
    /// Draws of HD-D.
    pub hdd_draws: usize,
    /// Words or tokens that distinct-n, Yule's K and the Zipf fit read of a side.
    pub type_token_words: usize,
    /// Documents of self-BLEU.
    pub self_bleu_docs: usize,
    /// Tokens of each document that self-BLEU reads.
    pub self_bleu_words: usize,
    /// Most documents of the Vendi score.
    pub vendi_docs: usize,
    /// Characters of each document that the Vendi score reads.
    pub vendi_chars: usize,
    /// Fewest sentences of a document whose spread is measured.
    pub cv_min_sentences: usize,
    /// Ranks that the Zipf fit reads.
    pub zipf_max_rank: usize,
    /// Words of a run for n-gram novelty.
    pub novelty_n: usize,
    /// Most documents a side of MAUVE(n-gram), whose clusters cost their number times that of documents.
    pub mauve_docs: usize,
    /// Dimensions of the hashed features of MAUVE(n-gram).
    pub mauve_dims: usize,
    /// Documents per cluster of MAUVE(n-gram).
    pub mauve_docs_per_cluster: usize,
    /// Most clusters of MAUVE(n-gram).
    pub mauve_max_clusters: usize,
    /// Scale of the curve of MAUVE(n-gram).
    pub mauve_scale: f64,
    /// Seeds that MAUVE(n-gram) is averaged over.
    pub mauve_restarts: usize,
    /// Places of the classifier's hashed features.
    pub classifier_buckets: u32,
    /// C of the classifier.
    pub classifier_inverse_l2: f64,
    /// Folds of the classifier.
    pub classifier_folds: usize,
    /// Most documents a side that the classifier between the sides reads.
    pub classifier_docs: usize,
    /// Most words of a document that the classifier reads.
    pub classifier_words: usize,
    /// Order of the character model.
    pub char_lm_order: usize,
    /// Characters that the character model is trained on, and scores, of a side.
    pub char_lm_chars: usize,
    /// Prior count of the log-odds ratio.
    pub log_odds_prior: f64,
    /// Longest phrase of the log-odds ratio, in words.
    pub log_odds_words: usize,
    /// Fewest documents that hold a phrase.
    pub log_odds_docs: u32,
    /// Fewest words of a text that counts as a duplicate: "yes" twice is no copy.
    pub duplicate_min_words: usize,
    /// Words of a shingle of near duplicates.
    pub shingle_words: usize,
    /// Jaccard similarity of near duplicates.
    pub near_jaccard: f64,
    /// Words of a run that is a copy of a seed or a prompt.
    pub copy_n: usize,
    /// ROUGE-L of a copy of a seed, and of instructions that are too alike.
    pub similar_rouge_l: f64,
    /// Words of each text that ROUGE-L reads.
    pub rouge_words: usize,
    /// Texts of a side that ROUGE-L compares in pairs.
    pub rouge_docs: usize,
    /// Words of a run of evaluation-set contamination.
    pub contamination_n: usize,
    /// Fewest words of an evaluation item that is looked for.
    pub contamination_min_words: usize,
    /// Words of the runs that cover an item.
    pub contamination_cover_n: usize,
    /// Share of an item's words that must be covered.
    pub contamination_min_cover: f64,
    /// Share of a text that a loop at its end must take.
    pub loop_share: f64,
    /// Most words of a loop.
    pub loop_words: usize,
    /// A label is a minority's where fewer than this share of an item's annotators hold it.
    pub minority_share: f64,
    /// ROUGE-like containment above which an output copies its input.
    pub input_copy: f64,
    /// Markers of flipped roles.
    pub role_markers: Vec<RoleMarker>,
    /// Standard deviations below a dialogue's mean cohesion at which a turn digresses.
    pub digression_sigma: f64,
    /// Verbatim examples per finding.
    pub n_examples: usize,
    /// Characters of an example.
    pub example_chars: usize,
    /// Rows of a detail table.
    pub n_details: usize,
}

impl Default for Params {
    fn default() -> Self {
        // The markers are those of CAMEL's chats (Das et al. 2024, appendix).
        let marker = |role: &str, foreign: &str| RoleMarker { role: role.into(), foreign: foreign.into() };
        Self {
            seed: 17,
            n_bootstrap: 500,
            n_subsamples: 50,
            confidence: 0.95,
            max_rows: 5_000,
            set_docs: 1_000,
            mtld_threshold: 0.72,
            mtld_min_words: 50,
            hdd_draws: 42,
            type_token_words: 8_000,
            self_bleu_docs: 31,
            self_bleu_words: 200,
            vendi_docs: 256,
            vendi_chars: 2_000,
            cv_min_sentences: 3,
            zipf_max_rank: 1_000,
            novelty_n: 4,
            mauve_docs: 1_000,
            mauve_dims: 128,
            mauve_docs_per_cluster: 10,
            mauve_max_clusters: 500,
            mauve_scale: 5.0,
            mauve_restarts: 5,
            classifier_buckets: 1 << 16,
            classifier_inverse_l2: 10.0,
            classifier_folds: 5,
            classifier_docs: 2_000,
            classifier_words: 2_000,
            char_lm_order: 5,
            char_lm_chars: 200_000,
            log_odds_prior: 0.01,
            log_odds_words: 3,
            log_odds_docs: 3,
            duplicate_min_words: 5,
            shingle_words: 5,
            near_jaccard: 0.8,
            copy_n: 8,
            similar_rouge_l: 0.7,
            rouge_words: 200,
            rouge_docs: 500,
            contamination_n: 13,
            contamination_min_words: 8,
            contamination_cover_n: 8,
            contamination_min_cover: 0.8,
            loop_share: 0.2,
            loop_words: 30,
            minority_share: 0.5,
            input_copy: 0.8,
            role_markers: vec![marker("user", "Solution:"), marker("assistant", "Instruction:")],
            digression_sigma: 2.0,
            n_examples: 3,
            example_chars: 160,
            n_details: 15,
        }
    }
}

impl Params {
    pub(crate) fn training(&self) -> Training {
        Training { n_buckets: self.classifier_buckets.max(1), inverse_l2: self.classifier_inverse_l2, max_rounds: 100 }
    }

    pub(crate) fn quantiser(&self) -> Quantiser {
        Quantiser {
            n_dims: self.mauve_dims,
            docs_per_cluster: self.mauve_docs_per_cluster,
            max_clusters: self.mauve_max_clusters,
            n_rounds: 25,
            scale: self.mauve_scale,
        }
    }

    pub(crate) fn overlap_rule(&self) -> OverlapRule {
        OverlapRule {
            n: self.contamination_n,
            min_words: self.contamination_min_words,
            cover_n: self.contamination_cover_n,
            min_cover: self.contamination_min_cover,
        }
    }
}
