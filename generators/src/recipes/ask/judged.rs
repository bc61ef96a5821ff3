//! Who says how good a reply is.

use gristmill_core::params::ParamError;
use gristmill_core::stage::Reads;
use serde::Deserialize;

use crate::kit::Template;
use crate::kit::params::template;

/// Best grade; the worst is 1.
pub(super) const BEST: f64 = 10.0;

/// `judge = { … }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JudgeParams {
    worker: String,
    prompt: String,
}

/// A worker that grades replies.
pub(super) struct Judge {
    worker: String,
    prompt: Template,
}

impl Judge {
    pub(super) fn new(reads: &Reads, params: JudgeParams) -> Result<Self, ParamError> {
        let prompt = template(reads, "prompt", Some(&params.prompt), "").map_err(|error| error.under("judge"))?;
        Ok(Self { worker: params.worker, prompt })
    }

    pub(super) fn worker(&self) -> &str {
        &self.worker
    }

    pub(super) fn prompt(&self) -> &Template {
        &self.prompt
    }
}

/// 0 for the best grade, 1 for the worst.
pub(super) fn loss_of_grade(grade: f64) -> f64 {
    (BEST - grade) / (BEST - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_become_losses_from_one_to_zero() {
        assert_eq!([1.0, 5.5, 10.0].map(loss_of_grade), [1.0, 0.5, 0.0]);
    }
}
