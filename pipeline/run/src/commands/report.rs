//! `gristmill report RUN_DIR`: rebuilds the report from what the run wrote down.

use std::path::Path;

use gristmill_core::error::Error;

use crate::RunError;
use crate::gather::gather;
use crate::plan::{make_dir, write_whole};
use crate::report::{PageLimits, run_json, run_page};

/// Writes `report/index.html` and `report/report.json`; returns what to print.
///
/// # Errors
/// When the directory is no finished run, or the disk refuses.
pub async fn report(run: &Path) -> Result<String, RunError> {
    let report = gather(run).await?;
    let folder = run.join("report");
    make_dir(&folder)?;
    let json = run_json(&report).map_err(|e| Error::Bug(e.to_string()))?;
    write_whole(&folder.join("report.json"), json.as_bytes())?;
    let page = folder.join("index.html");
    write_whole(&page, run_page(&report, PageLimits::default()).as_bytes())?;
    Ok(format!("report: {}", page.display()))
}
