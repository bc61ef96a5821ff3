//! Bad configs and what is said of each: `configs/bad/NAME.toml` with the approved message in `NAME.expected`.
//!
//! `GRISTMILL_APPROVE=1` rewrites the messages; review them like code.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use gristmill_run::commands::{ConfigCall, check};

#[test]
fn every_bad_config_is_refused_with_the_approved_message() {
    // Configs name their files from the workspace root, as a user there would.
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
    let mut paths: Vec<PathBuf> =
        fs::read_dir("tests/configs/bad").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(paths.len() >= 10, "only {} bad configs", paths.len());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut wrong = Vec::new();
    for path in paths {
        let call = ConfigCall { config: path.clone(), ..ConfigCall::default() };
        let said = match runtime.block_on(check::check(&call, false)) {
            Ok(fine) => panic!("{} was accepted: {fine}", path.display()),
            Err(error) => format!("{error}\n"),
        };
        let approved = path.with_extension("expected");
        if std::env::var_os("GRISTMILL_APPROVE").is_some() {
            fs::write(&approved, &said).unwrap();
        } else if fs::read_to_string(&approved).unwrap_or_default() != said {
            wrong.push(format!("{}:\n{said}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "these messages are not the approved ones:\n{}", wrong.join("\n"));
}
