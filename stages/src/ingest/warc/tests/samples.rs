//! Real files, where they are at hand: of Common Crawl's whirlwind tour.

use std::path::{Path, PathBuf};

use super::super::WarcOptions;
use super::kit::{read_range, short};

/// The folder of shared samples: named by the environment, or beside the workspace.
fn samples() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("GRISTMILL_SHARED").map_or(beside, PathBuf::from).join("data/crawl");
    folder.is_dir().then_some(folder)
}

#[test]
fn whirlwind_files_are_read_whole() {
    let Some(folder) = samples() else {
        eprintln!("NOT CHECKED: no data/crawl in GRISTMILL_SHARED or ../shared");
        return;
    };
    let files = [
        ("whirlwind.warc", &["warcinfo", "request", "ok Escopete", "metadata"][..]),
        ("whirlwind.warc.gz", &["warcinfo", "request", "ok Escopete", "metadata"][..]),
        ("whirlwind.warc.wet", &["warcinfo", "ok Escopete"][..]),
        ("whirlwind.warc.wet.gz", &["warcinfo", "ok Escopete"][..]),
        ("whirlwind.warc.wat.gz", &["warcinfo", "metadata"][..]),
    ];
    for (name, expected) in files {
        assert_eq!(short(&read_range(&folder.join(name), 0..u64::MAX, &WarcOptions::default())), expected, "{name}");
    }
}
