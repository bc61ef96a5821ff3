//! The table of zero-shot scores: the one place that names them.

use gristmill_lm::Scored;

use super::Direction::{HigherIsMachine, LowerIsMachine};
use super::Need::{Distribution, Generation, Logprob, Perturbation, Rank, SecondWorker};
use super::{
    Abstain, Evidence, Needs, Score, binoculars, burstiness, detect_gpt, dna_gpt_b, dna_gpt_w, entropy,
    fast_detect_gpt, fast_detect_gpt_sampled, gltr, log_likelihood, log_rank, lrr, npr, rank,
};

/// Every zero-shot score.
pub const SCORES: [Score; 14] = [
    Score {
        name: "log_likelihood",
        formula: "(1/n) Σ ln q(x_t)",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob]),
        source: "Solaiman et al. 2019",
        measure: |evidence, params| log_likelihood(scored(evidence)?, params),
    },
    Score {
        name: "rank",
        formula: "(1/n) Σ r_t",
        direction: LowerIsMachine,
        needs: Needs::of(&[Logprob, Rank]),
        source: "Gehrmann et al. 2019",
        measure: |evidence, params| rank(scored(evidence)?, params),
    },
    Score {
        name: "log_rank",
        formula: "(1/n) Σ ln r_t",
        direction: LowerIsMachine,
        needs: Needs::of(&[Logprob, Rank]),
        source: "Mitchell et al. 2023",
        measure: |evidence, params| log_rank(scored(evidence)?, params),
    },
    Score {
        name: "gltr",
        formula: "(1/n) #{t : r_t <= 10}",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob, Rank]),
        source: "Gehrmann et al. 2019; Dugan et al. 2024 (RAID)",
        measure: |evidence, params| gltr(scored(evidence)?, params),
    },
    Score {
        name: "entropy",
        formula: "(1/n) Σ_t -Σ_v q(v) ln q(v)",
        direction: LowerIsMachine,
        needs: Needs::of(&[Logprob, Distribution]),
        source: "Gehrmann et al. 2019",
        measure: |evidence, params| entropy(scored(evidence)?, params),
    },
    Score {
        name: "burstiness",
        formula: "sd_t ln q(x_t)",
        direction: LowerIsMachine,
        needs: Needs::of(&[Logprob]),
        source: "the usual claim that people write less evenly",
        measure: |evidence, params| burstiness(scored(evidence)?, params),
    },
    Score {
        name: "lrr",
        formula: "-Σ ln q(x_t) / Σ ln r_t",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob, Rank]),
        source: "Su et al. 2023 (DetectLLM)",
        measure: |evidence, params| lrr(scored(evidence)?, params),
    },
    Score {
        name: "npr",
        formula: "mean_j logrank(x~_j) / logrank(x)",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob, Rank, Perturbation]),
        source: "Su et al. 2023 (DetectLLM)",
        measure: |evidence, params| npr(scored(evidence)?, evidence.perturbed, params),
    },
    Score {
        name: "detect_gpt",
        formula: "(LL(x) - mean_j LL(x~_j)) / sd_j LL(x~_j)",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob, Perturbation]),
        source: "Mitchell et al. 2023",
        measure: |evidence, params| detect_gpt(scored(evidence)?, evidence.perturbed, params),
    },
    Score {
        name: "fast_detect_gpt",
        formula: "Σ (ln q(x_t) - mu_t) / sqrt(Σ var_t); mu_t, var_t of ln q under p",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob, Distribution]),
        source: "Bao et al. 2024",
        measure: |evidence, params| fast_detect_gpt(scored(evidence)?, evidence.second, params),
    },
    Score {
        name: "fast_detect_gpt_sampled",
        formula: "(LL(x) - mean_d LL(x~_d)) / sd_d LL(x~_d); x~_d drawn from p token by token",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob, Distribution]),
        source: "Bao et al. 2024",
        measure: |evidence, params| fast_detect_gpt_sampled(scored(evidence)?, evidence.second, evidence.seed, params),
    },
    Score {
        name: "binoculars",
        formula: "Σ ln q(x_t) / Σ_t Σ_v p(v) ln q(v)",
        direction: LowerIsMachine,
        needs: Needs::of(&[Logprob, Distribution, SecondWorker]),
        source: "Hans et al. 2024",
        measure: |evidence, params| binoculars(scored(evidence)?, second(evidence)?, params),
    },
    Score {
        name: "dna_gpt_w",
        formula: "LL(x) - mean_k LL(y_k)",
        direction: HigherIsMachine,
        needs: Needs::of(&[Logprob, Generation]),
        source: "Yang et al. 2024 (DNA-GPT)",
        measure: |evidence, params| dna_gpt_w(scored(evidence)?, evidence.scored_continuations, params),
    },
    Score {
        name: "dna_gpt_b",
        formula: "mean_k Σ_n n ln n |ngr_n(y_k) ∩ ngr_n(y_0)| / (|y_k| |ngr_n(y_0)|)",
        direction: HigherIsMachine,
        needs: Needs::of(&[Generation]),
        source: "Yang et al. 2024 (DNA-GPT)",
        measure: |evidence, params| {
            let remainder = evidence.remainder.ok_or(Abstain::Missing(Generation))?;
            dna_gpt_b(remainder, evidence.continuations, params)
        },
    },
];

fn scored<'a>(evidence: &Evidence<'a>) -> Result<&'a Scored, Abstain> {
    evidence.scored.ok_or(Abstain::Missing(Logprob))
}

fn second<'a>(evidence: &Evidence<'a>) -> Result<&'a Scored, Abstain> {
    evidence.second.ok_or(Abstain::Missing(SecondWorker))
}
