//! `gristmill audit --artificial F… [--human F…] --type instructions|labels|preferences|dialogues|text --out DIR`

use std::path::PathBuf;

use gristmill_core::error::Error;
use gristmill_detectors::artifact::{Audit, Gate};

use crate::RunError;
use crate::audit::{AuditOptions, DataKind, Keys, compare_sides, normalise, read_side, write};

/// What is audited.
#[derive(Debug, Clone)]
pub struct AuditCall {
    /// Files of made rows.
    pub artificial: Vec<PathBuf>,
    /// Files of human rows; may be empty.
    pub human: Vec<PathBuf>,
    /// What the rows are.
    pub kind: DataKind,
    /// Field of the text in made rows, or the list of texts in an object of lists.
    pub field: Option<String>,
    /// The same for human rows; default: `field`.
    pub human_field: Option<String>,
    /// Where the page goes.
    pub out: PathBuf,
    /// Limits that make the command fail.
    pub fail_on: Option<String>,
    /// An older `audit.json` to compare with.
    pub compare: Option<PathBuf>,
    /// Whether texts are brought into one form before they are compared.
    pub normalise: bool,
    /// What the audit is given beside the two sides.
    pub options: AuditOptions,
}

/// Writes `index.html`, `audit.json` and `audit.md`; returns what to print.
///
/// # Errors
/// When a file cannot be read, a limit is none, or (exit code 1) a limit is crossed.
pub fn audit(call: &AuditCall) -> Result<String, RunError> {
    let gate: Gate = match &call.fail_on {
        None => Gate::default(),
        Some(text) => text.parse().map_err(|e| RunError::Usage(format!("--fail-on: {e}")))?,
    };
    let human_field = call.human_field.as_deref().or(call.field.as_deref());
    let (slice, split) = (call.options.slice.as_deref(), call.options.split.as_deref());
    let mut human = read_side("human", &call.human, call.kind, Keys { field: human_field, ..Keys::default() })?;
    let keys = Keys { field: call.field.as_deref(), slice, split };
    let mut artificial = read_side("artificial", &call.artificial, call.kind, keys)?;
    if call.normalise {
        normalise(&mut human);
        normalise(&mut artificial);
    }
    let audit = compare_sides(&human, &artificial, &call.options)?;
    let older = match &call.compare {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| RunError::Usage(format!("cannot read {}: {e}", path.display())))?;
            Some(Audit::from_json(&text).map_err(|e| RunError::Usage(format!("{}: {e}", path.display())))?)
        }
    };
    let names = |files: &[PathBuf]| files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ");
    let title = call.out.file_name().map_or_else(|| "audit".into(), |name| name.to_string_lossy().into_owned());
    let origins = [names(&call.human), names(&call.artificial)];
    let written = write(&audit, &gate, older.as_ref(), &origins, &title, &call.out)?;
    if written.gate.fails() {
        let cause = format!("a limit is crossed: {}; see {}", written.gate.lines().join("; "), written.index.display());
        return Err(Error::Stage { stage: "audit".into(), cause }.into());
    }
    let mut lines = vec![format!("audit: {} ({})", written.index.display(), audit.level().name())];
    lines.extend(
        audit
            .findings
            .iter()
            .filter(|f| f.level >= gristmill_detectors::artifact::Level::Watch)
            .map(|f| format!("  {:6} {}", f.level.name(), f.sentence)),
    );
    Ok(lines.join("\n"))
}
