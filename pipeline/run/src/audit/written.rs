//! What an audit leaves: a page, a JSON file with every figure, and a text for reading in a terminal.

use std::path::{Path, PathBuf};

use gristmill_core::error::Error;
use gristmill_core::params;
use gristmill_detectors::artifact::{Audit, Gate, GateReport, Level, compare, markdown};

use super::{AuditParams, page};
use crate::RunError;
use crate::plan::{Layout, Node, Plan, make_dir, write_whole};
use crate::report::{PageLimits, audit_page};

/// The files of an audit, and whether it holds.
pub struct Written {
    /// The page.
    pub index: PathBuf,
    /// What the limits say.
    pub gate: GateReport,
}

/// Writes `index.html`, `audit.json` and `audit.md`; `origins` say where the human and the made rows come from.
///
/// # Errors
/// When the disk refuses.
pub fn write(
    audit: &Audit,
    gate: &Gate,
    older: Option<&Audit>,
    origins: &[String; 2],
    title: &str,
    out: &Path,
) -> Result<Written, RunError> {
    let report = gate.check(audit);
    make_dir(out)?;
    let json = audit.to_json().map_err(|e| Error::Bug(e.to_string()))?;
    write_whole(&out.join("audit.json"), json.as_bytes())?;
    write_whole(&out.join("audit.md"), markdown(audit, older.map(|older| compare(older, audit)).as_ref()).as_bytes())?;
    let shown = page(title, origins, audit, gate, &report, older);
    let index = out.join("index.html");
    write_whole(&index, audit_page(&shown, PageLimits::default()).as_bytes())?;
    Ok(Written { index, gate: report })
}

/// Draws the pages of an audit stage that is done, and holds it against its limits.
///
/// # Errors
/// When a limit is crossed; the page is there all the same.
pub fn finish(plan: &Plan, i: usize, layout: &Layout) -> Result<PathBuf, RunError> {
    let node = &plan.nodes[i];
    let params: AuditParams = params::parse(&node.decl.params).map_err(Error::from)?;
    let audit = read(plan, i, layout)?;
    let gate: Gate = match &params.fail_on {
        None => Gate::default(),
        Some(text) => text.parse().map_err(|e: gristmill_detectors::artifact::GateError| Error::Bug(e.to_string()))?,
    };
    let human = match &params.human_where {
        Some(sql) => format!("rows where {sql}"),
        None => params.human.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "),
    };
    let origins = [human, format!("stage {}", node.decl.inputs.join(", "))];
    let title = format!("{} · {}", plan.config.run.name, node.decl.name);
    let written = write(&audit, &gate, None, &origins, &title, &layout.root().join("audit").join(&node.decl.name))?;
    if written.gate.fails() {
        let cause = format!("a limit is crossed: {}; see {}", written.gate.lines().join("; "), written.index.display());
        return Err(Error::Stage { stage: node.decl.name.clone(), cause }.into());
    }
    Ok(written.index)
}

fn read(plan: &Plan, i: usize, layout: &Layout) -> Result<Audit, Error> {
    let path = layout.verdicts(&plan.nodes[i]);
    let text = std::fs::read_to_string(&path).map_err(Error::path("reading", &path))?;
    Audit::from_json(&text).map_err(|e| Error::Bug(format!("{}: {e}", path.display())))
}

/// The audits of a run by stage, as far as they are done.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn of_run(plan: &Plan, layout: &Layout) -> Result<Vec<(String, Audit)>, Error> {
    let of_stage = |(i, node): (usize, &Node)| match layout.verdicts(node).exists() {
        true => Some(read(plan, i, layout).map(|audit| (node.decl.name.clone(), audit))),
        false => None,
    };
    plan.nodes.iter().enumerate().filter(|(_, node)| node.decl.kind == "audit").filter_map(of_stage).collect()
}

/// Holds the audits that a release requires against the level it allows.
///
/// # Errors
/// When an audit found worse.
pub(crate) fn hold(plan: &Plan, release: usize, layout: &Layout, required: &str, worst: &str) -> Result<(), RunError> {
    let node = &plan.nodes[release];
    let failed = |cause: String| RunError::from(Error::Stage { stage: node.decl.name.clone(), cause });
    let Some(i) = plan.nodes.iter().position(|other| other.decl.name == required && other.decl.kind == "audit") else {
        return Err(failed(format!("it requires the audit \"{required}\", but there is no such stage")));
    };
    let found = read(plan, i, layout)?;
    let allowed = match worst {
        "ok" => Level::Ok,
        "watch" => Level::Watch,
        _ => Level::Alarm,
    };
    if found.level() <= allowed {
        return Ok(());
    }
    let why: Vec<&str> =
        found.findings.iter().filter(|f| f.level > allowed).map(|f| f.sentence.as_str()).take(3).collect();
    Err(failed(format!(
        "the audit \"{required}\" says {}, worse than \"{worst}\": {} See {}",
        found.level().name(),
        why.join(" "),
        layout.root().join("audit").join(required).join("index.html").display()
    )))
}
