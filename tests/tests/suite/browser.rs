//! Reports in a real browser: whole without a network, quiet in the console, hostile text shown as text.
//!
//! Needs Chromium (`CHROMIUM` names it, or it is found as `chromium`, `chromium-browser` or `google-chrome`).
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gristmill_run::audit::DataKind;
use gristmill_run::commands::audit::AuditCall;
use gristmill_run::commands::{ConfigCall, audit, run};
use gristmill_run::engine::Log;

/// What a page must never become: it would set the title when run.
const HOSTILE: &str =
    "<script>document.title='owned'</script><img src=http://tracker.example/x onerror=\"document.title='owned'\">";

#[expect(clippy::print_stderr, reason = "a test that cannot see its browser says so")]
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found =
        std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|file| file.is_file());
    let browser = named.or(found);
    if browser.is_none() {
        eprintln!("SKIPPED: there is no browser to open the pages in (install chromium, or set CHROMIUM)");
    }
    browser
}

/// A page as the browser has it after scripts ran, what its console said, and which addresses it asked for.
fn open(browser: &Path, page: &Path, scratch: &Path) -> (String, String, Vec<String>) {
    let log = scratch.join("net.json");
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"])
        .args(["--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", scratch.join("profile").display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("file://{}", page.display()));
    let done = command.output().unwrap();
    let console: String =
        String::from_utf8_lossy(&done.stderr).lines().filter(|line| line.contains("CONSOLE")).collect();
    let log = fs::read_to_string(log).unwrap_or_default();
    let urls = log.split("\"url\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    // The browser's own housekeeping is not the page's.
    let own = ["google.com", "googleapis.com", "gvt1.com", "chrome://", "chrome-extension://", "data:"];
    let asked = urls.filter(|url| !url.starts_with("file://") && !own.iter().any(|part| url.contains(part)));
    (String::from_utf8_lossy(&done.stdout).into_owned(), console, asked.map(str::to_owned).collect())
}

#[test]
fn pages_stand_alone_and_show_hostile_text_as_text() {
    let Some(browser) = chromium() else { return };
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let row =
        |i: usize| serde_json::json!({ "text": format!("{HOSTILE} \u{202e} row {i} says: {}", "word ".repeat(60)) });
    let long = serde_json::json!({ "text": "x".repeat(1 << 20) });
    let rows: String = (0..30).map(|i| format!("{}\n", row(i))).chain([format!("{long}\n")]).collect();
    fs::write(at("rows.jsonl"), rows).unwrap();
    let text = format!(
        "[run]\nname = \"hostile\"\n[stage.rows]\nkind = \"jsonl\"\nfiles = [\"{}\"]\nlicense = \"{}\"\n\
         [stage.quality]\nkind = \"filter\"\ninput = \"rows\"\npresets = [\"gopher_quality\"]\n\
         [stage.near]\nkind = \"dedup.minhash\"\ninput = \"quality\"\n[stage.release]\nkind = \"release\"\ninput = \"near\"\n",
        at("rows.jsonl").display(),
        HOSTILE.replace('"', "\\\"")
    );
    fs::write(at("hostile.toml"), text).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (config, out) in [(PathBuf::from("configs/quickstart.toml"), "quickstart"), (at("hostile.toml"), "hostile")] {
        let call = ConfigCall { config, ..ConfigCall::default() };
        runtime.block_on(run::run(&call, Some(at(out)), Log::Quiet)).unwrap();
    }
    let call = AuditCall {
        artificial: vec![at("rows.jsonl")],
        human: vec![PathBuf::from("sample-data/seed_tasks.jsonl")],
        kind: DataKind::Text,
        field: None,
        human_field: Some("instruction".into()),
        out: at("audit"),
        fail_on: None,
        compare: None,
        normalise: false,
        options: gristmill_run::audit::AuditOptions::default(),
    };
    audit::audit(&call).unwrap();
    for (page, shows) in [
        ("quickstart/report/index.html", "few_repeated_5_grams"),
        ("hostile/report/index.html", "hostile"),
        ("audit/index.html", "Leak probe"),
    ] {
        let (dom, console, asked) = open(&browser, &at(page), folder.path());
        assert!(dom.contains(shows) && dom.contains("</html>"), "{page} is not whole: {} bytes", dom.len());
        assert!(!dom.contains("<title>owned"), "{page} ran what it should show");
        assert_eq!((console.as_str(), asked), ("", Vec::new()), "{page}");
    }
}
