//! A release copied to where others find it: an object store, or a folder by its `file://` URL.
//!
//! The manifest goes last, so that whoever sees it sees a whole release. What was copied is noted beside the run, file by
//! file with its checksum: a push that was killed goes on where it stopped, and one that is done copies nothing.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use gristmill_core::error::{Error, Result};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, parse_url_opts};
use tokio::io::AsyncReadExt;

/// Bytes copied at a time.
const CHUNK_BYTES: usize = 8 << 20;

/// Copies the files of a release, `(path, sha256)` in the order given; the caller puts the manifest last.
pub(super) async fn push(folder: &Path, url: &str, files: &[(String, String)], journal: &Path) -> Result<()> {
    let refuse = |cause: String| Error::Content { doing: "pushing to", path: url.into(), cause };
    let parsed: url::Url = url.parse().map_err(|e: url::ParseError| refuse(e.to_string()))?;
    // Stores read their own variables, such as AWS_REGION; no credential stands in the config.
    let (store, prefix) = parse_url_opts(&parsed, std::env::vars()).map_err(|e| {
        let hint = if parsed.scheme() == "s3" && !cfg!(feature = "s3") {
            " (build gristmill with `--features s3`)"
        } else {
            ""
        };
        refuse(format!("{e}{hint}"))
    })?;
    let noted = noted(journal)?;
    for (path, sha256) in files {
        let note = format!("{url}\t{path}\t{sha256}");
        if noted.contains(&note) {
            continue;
        }
        let to = ObjectPath::from(format!("{prefix}/{path}"));
        copy(&folder.join(path), store.as_ref(), &to).await?;
        append(journal, &note)?;
    }
    Ok(())
}

async fn copy(from: &Path, store: &dyn ObjectStore, to: &ObjectPath) -> Result<()> {
    let mut file = tokio::fs::File::open(from).await.map_err(Error::path("reading", from))?;
    let refuse = |e: &dyn std::fmt::Display| Error::Content {
        doing: "pushing",
        path: from.to_owned(),
        cause: format!("to {to}: {e}"),
    };
    let mut upload = store.put_multipart_opts(to, Default::default()).await.map_err(|e| refuse(&e))?;
    let mut is_empty = true;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let n = (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk).await;
        if n.map_err(Error::path("reading", from))? == 0 && !is_empty {
            break;
        }
        is_empty = false;
        let is_last = chunk.len() < CHUNK_BYTES;
        upload.put_part(chunk.into()).await.map_err(|e| refuse(&e))?;
        if is_last {
            break;
        }
    }
    upload.complete().await.map_err(|e| refuse(&e))?;
    Ok(())
}

fn noted(journal: &Path) -> Result<BTreeSet<String>> {
    match fs::read_to_string(journal) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(e) => Err(Error::path("reading", journal)(e)),
    }
}

fn append(journal: &Path, note: &str) -> Result<()> {
    if let Some(folder) = journal.parent() {
        crate::plan::make_dir(folder)?;
    }
    let mut file =
        OpenOptions::new().create(true).append(true).open(journal).map_err(Error::path("writing", journal))?;
    writeln!(file, "{note}").and_then(|()| file.sync_all()).map_err(Error::path("writing", journal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_pushed_is_not_pushed_again() {
        let folder = std::env::temp_dir().join(format!("gristmill-push-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("data")).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("data/a.parquet"), vec![7; CHUNK_BYTES + 3]).unwrap();
        fs::write(from.join("MANIFEST.json"), "{}").unwrap();
        let files = [("data/a.parquet".to_owned(), "1".to_owned()), ("MANIFEST.json".to_owned(), "2".to_owned())];
        let url = format!("file://{}", to.display());
        let journal = folder.join("push.tsv");
        push(&from, &url, &files, &journal).await.unwrap();
        assert_eq!(fs::read(to.join("data/a.parquet")).unwrap().len(), CHUNK_BYTES + 3);
        fs::remove_file(to.join("data/a.parquet")).unwrap();
        push(&from, &url, &files, &journal).await.unwrap();
        assert!(!to.join("data/a.parquet").exists() && to.join("MANIFEST.json").exists());
        let told = push(&from, "gopher://x/y", &files, &journal).await.unwrap_err().to_string();
        assert!(told.contains("gopher://x/y"), "{told}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
