//! The reference of the sources' parameters, from which parsing and `gristmill ops` both come.

use gristmill_core::annotator::ParamDoc;

const FILES: ParamDoc = ParamDoc {
    name: "files",
    default: "required",
    about: "Paths or patterns (`*`, `?`, `[…]`, `**`). Files are read in the order of their paths, each once.",
};
const SOURCE: ParamDoc = ParamDoc {
    name: "source",
    default: "the stage's name",
    about: "The column `source` of every document. If absent, a field of that name fills the column where there is one.",
};
const LICENSE: ParamDoc = ParamDoc {
    name: "license",
    default: "null",
    about: "The column `license` of every document. If absent, a field of that name fills the column where there is one.",
};
const SHARD_BYTES: ParamDoc = ParamDoc {
    name: "shard_bytes",
    default: "67108864, compressed 16777216",
    about: "Bytes of input per shard, the unit of work and resume. A compressed file is never cut.",
};
const MAX_BAD_RATIO: ParamDoc = ParamDoc {
    name: "max_bad_ratio",
    default: "0.01",
    about: "Share of damaged records, in [0, 1], above which the run fails.",
};
const FIELDS: ParamDoc = ParamDoc {
    name: "fields",
    default: "{}",
    about: "Core column <- input field: { text = \"content\", id = \"uuid\", url = \"link\", created = \"date\" }; also license and source.",
};
const KEEP_META: ParamDoc =
    ParamDoc { name: "keep_meta", default: "true", about: "Keep the other fields, as JSON text in the column `meta`." };
const KEEP_COLUMNS: ParamDoc =
    ParamDoc { name: "keep_meta", default: "true", about: "Keep the other columns, under their own names and types." };
const DELIMITER: ParamDoc =
    ParamDoc { name: "delimiter", default: "\",\"; a tab for .tsv", about: "One ASCII character between fields." };
const PER: ParamDoc = ParamDoc {
    name: "per",
    default: "\"file\"",
    about: "What a document is: `file`, `line` (not blank), or `paragraph` (lines up to a blank one).",
};
const STATUS: ParamDoc = ParamDoc {
    name: "status",
    default: "[200]",
    about: "HTTP status codes of wanted pages; others are dropped by `status_200`. Empty: all.",
};
const CONTENT_TYPES: ParamDoc = ParamDoc {
    name: "content_types",
    default: "[\"text/html\", \"application/xhtml+xml\"]",
    about: "Media types of wanted pages; others are dropped by `content_html`. Empty: all.",
};

const MAX_BODY_BYTES: ParamDoc = ParamDoc {
    name: "max_body_bytes",
    default: "10485760",
    about: "Bytes of a page's body after all codings are off; a longer one is dropped by `oversized_body`.",
};

const NAMESPACES: ParamDoc = ParamDoc {
    name: "namespaces",
    default: "[0]",
    about: "Numbers of the wanted namespaces, 0 that of articles; pages of others are dropped by `main_namespace`.",
};

/// Of `jsonl`.
pub(super) const JSONL: &[ParamDoc] = &[FILES, SOURCE, LICENSE, FIELDS, KEEP_META, SHARD_BYTES, MAX_BAD_RATIO];
/// Of `parquet`.
pub(super) const PARQUET: &[ParamDoc] = &[FILES, SOURCE, LICENSE, FIELDS, KEEP_COLUMNS, SHARD_BYTES, MAX_BAD_RATIO];
/// Of `csv`.
pub(super) const CSV: &[ParamDoc] = &[FILES, SOURCE, LICENSE, FIELDS, KEEP_META, DELIMITER, SHARD_BYTES, MAX_BAD_RATIO];
/// Of `text`.
pub(super) const TEXT: &[ParamDoc] = &[FILES, SOURCE, LICENSE, PER, SHARD_BYTES, MAX_BAD_RATIO];
/// Of `warc`.
pub(super) const WARC: &[ParamDoc] =
    &[FILES, SOURCE, LICENSE, STATUS, CONTENT_TYPES, MAX_BODY_BYTES, SHARD_BYTES, MAX_BAD_RATIO];
/// Of `wikipedia`.
pub(super) const WIKIPEDIA: &[ParamDoc] = &[FILES, SOURCE, LICENSE, NAMESPACES, SHARD_BYTES, MAX_BAD_RATIO];
