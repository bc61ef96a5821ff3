//! Whose way of computing a rule is meant.

use gristmill_core::annotator::ParamDoc;
use serde::Deserialize;

/// A tool that states the same rules and computes them in its own way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dialect {
    /// datatrove 0.10, which made FineWeb.
    #[default]
    Datatrove,
    /// DCLM's baselines.
    Dclm,
}

/// The row of the reference that all operators with these two dialects share.
pub(super) const DIALECT_PARAM: ParamDoc = ParamDoc {
    name: "dialect",
    default: "\"datatrove\"",
    about: "whose computation: \"datatrove\" (FineWeb) or \"dclm\" (DCLM-baseline)",
};
