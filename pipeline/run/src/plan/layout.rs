//! Where a run keeps its files, and what it writes down about them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use gristmill_core::error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::Node;

/// One committed part: what a shard became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// Number of the shard.
    pub shard: usize,
    /// Rows that entered the pass.
    pub rows_in: u64,
    /// Rows kept, and the file they are in (none if there are no such rows).
    pub rows: u64,
    /// File of kept rows.
    pub file: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, where asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// File of dropped rows.
    pub ledger: Option<String>,
    /// Dropped rows by `stage.rule`.
    pub dropped: BTreeMap<String, u64>,
    /// The kept texts; none where the rows have no text.
    #[serde(default)]
    pub text: Option<TextVolume>,
    /// The dropped texts by `stage.rule`.
    #[serde(default)]
    pub dropped_text: BTreeMap<String, TextVolume>,
}

/// An amount of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextVolume {
    /// Words: runs of anything but ASCII white space.
    pub words: u64,
    /// UTF-8 bytes.
    pub bytes: u64,
}

impl std::ops::Add for TextVolume {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { words: self.words + other.words, bytes: self.bytes + other.bytes }
    }
}

/// Rows of one stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageCounts {
    /// Rows that entered.
    pub rows_in: u64,
    /// Rows that left.
    pub kept: u64,
    /// Rows dropped, by rule.
    pub dropped: BTreeMap<String, u64>,
    /// The texts that entered; none where the stage makes or rewrites texts, or a later one of its pass does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_in: Option<TextVolume>,
    /// The texts that left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_kept: Option<TextVolume>,
}

/// What is written last: the pass is complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Done {
    /// Fingerprint of the stage.
    pub fingerprint: String,
    /// Seconds of work, over all attempts that committed something.
    pub seconds: f64,
    /// All parts, in shard order.
    pub parts: Vec<PartRow>,
    /// Rows by stage, for every stage of the pass.
    pub stages: BTreeMap<String, StageCounts>,
}

impl Done {
    /// Rows kept.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }
}

/// The folders of a run.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the run directory `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The run directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Part files of a stage.
    pub fn parts(&self, node: &Node) -> PathBuf {
        self.root.join("stages").join(&node.decl.name).join(&node.fingerprint)
    }

    /// Dropped rows of the pass that writes a stage.
    pub fn ledger(&self, node: &Node) -> PathBuf {
        self.root.join("ledger").join(&node.decl.name).join(&node.fingerprint)
    }

    /// Verdicts of a solver.
    pub fn verdicts(&self, node: &Node) -> PathBuf {
        self.root.join("verdicts").join(&node.decl.name).join(format!("{}.parquet", node.fingerprint))
    }

    /// Rows of a maker, kept and dropped, until its pass has split them.
    pub fn made(&self, node: &Node) -> PathBuf {
        self.root.join("made").join(&node.decl.name).join(format!("{}.parquet", node.fingerprint))
    }

    /// What a maker says of its work; written last, so it is also the note that its rows are complete.
    pub fn figures(&self, node: &Node) -> PathBuf {
        self.made(node).with_extension("json")
    }

    /// The workers' journal.
    pub fn journal(&self) -> PathBuf {
        self.root.join("lm")
    }

    /// The note of completion of a stage, if it is complete.
    ///
    /// # Errors
    /// When the note exists and cannot be read.
    pub fn done(&self, node: &Node) -> Result<Option<Done>> {
        read_json(&self.parts(node).join("_done.json"))
    }
}

/// Reads a JSON file, if there is one.
///
/// # Errors
/// When it exists and cannot be read or parsed.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::Content {
            doing: "reading",
            path: path.to_owned(),
            cause: e.to_string(),
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::path("reading", path)(e)),
    }
}

/// Writes a file so that it is whole or not there: temporary name, fsync, rename, fsync of the folder.
///
/// # Errors
/// When the disk refuses.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary).map_err(Error::path("writing", &temporary))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(Error::path("writing", &temporary))?;
    commit(&temporary, path)
}

/// Renames a finished temporary file to its name and makes the rename durable.
///
/// # Errors
/// When the disk refuses.
pub fn commit(temporary: &Path, path: &Path) -> Result<()> {
    fs::rename(temporary, path).map_err(Error::path("renaming", temporary))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(Error::path("syncing", folder))
}

/// Makes a folder and its parents.
///
/// # Errors
/// When the disk refuses.
pub fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::path("making the folder", path))
}

/// The journal of committed parts of an unfinished pass.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal of a folder and returns the parts that were committed before: those whose files are there.
    ///
    /// # Errors
    /// When the disk refuses. A torn last line is what a crash leaves; it is ignored and overwritten.
    pub fn open(folder: &Path, ledger: &Path) -> Result<(Self, Vec<PartRow>)> {
        let path = folder.join("_parts.jsonl");
        let old = fs::read_to_string(&path).unwrap_or_default();
        let whole = |part: &PartRow| {
            part.file.as_ref().is_none_or(|f| fs::metadata(folder.join(f)).is_ok_and(|m| m.len() == part.bytes))
                && part.ledger.as_ref().is_none_or(|f| ledger.join(f).exists())
        };
        let parts: Vec<PartRow> = old.lines().filter_map(|l| serde_json::from_str(l).ok()).filter(whole).collect();
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::path("opening", &path))?;
        let mut journal = Self { path, file };
        if !old.is_empty() && !old.ends_with('\n') {
            journal.write(b"\n")?;
        }
        Ok((journal, parts))
    }

    /// Commits a part.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, part: &PartRow) -> Result<()> {
        let mut line = serde_json::to_vec(part).map_err(|e| Error::Bug(e.to_string()))?;
        line.push(b'\n');
        self.write(&line)
    }

    fn write(&mut self, line: &[u8]) -> Result<()> {
        self.file.write_all(line).and_then(|()| self.file.sync_data()).map_err(Error::path("appending to", &self.path))
    }
}
