//! What the tests of several measures share.

use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Draws from a seed: the hash of a counter.
pub(crate) struct Rng {
    seed: u64,
    counter: u64,
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    /// A draw from 0 to `n` - 1; 0 for `n` = 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.counter += 1;
        let draw = xxh3_64_with_seed(&self.counter.to_le_bytes(), self.seed);
        ((u128::from(draw) * u128::from(n)) >> 64) as u64
    }
}

/// The text of a table's cell, where `\t`, `\n`, `\r` and `\\` stand for what they do in Python.
pub(crate) fn unescaped(cell: &str) -> String {
    let mut text = String::new();
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('r')) => text.push('\r'),
            ('\\', Some(c)) => text.push(c),
            (c, _) => text.push(c),
        }
    }
    text
}

/// A file of real data, if there is a copy: under `GRISTMILL_SHARED`, `../shared` or `../../shared`.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let places = [
        std::env::var_os("GRISTMILL_SHARED").map(PathBuf::from),
        Some(manifest.join("../shared")),
        Some(manifest.join("../../shared")),
        Some(manifest.join("../../../shared")),
    ];
    places.into_iter().flatten().map(|place| place.join(path)).find(|file| file.exists())
}

/// A row of the table made with sacrebleu.
#[derive(Debug)]
pub(crate) struct SacrebleuRow {
    pub(crate) text: String,
    pub(crate) reference: String,
    /// Sentence BLEU, its brevity penalty, BLEU of small letters, chrF, chrF++, chrF of small letters with white space.
    pub(crate) numbers: Vec<f64>,
}

/// The table made with sacrebleu, and the scores of all its rows as a corpus: BLEU, chrF, chrF++, chrF of small letters.
pub(crate) fn sacrebleu_table() -> (Vec<SacrebleuRow>, Vec<f64>) {
    let numbers = |text: &str| text.split(' ').map_while(|number| number.parse().ok()).collect::<Vec<f64>>();
    let table = include_str!("testdata/sacrebleu.tsv");
    let totals = table.lines().find_map(|line| line.strip_prefix("#total ")).map(numbers).unwrap_or_default();
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        SacrebleuRow { text: unescaped(columns[0]), reference: unescaped(columns[1]), numbers: numbers(columns[2]) }
    };
    let rows: Vec<SacrebleuRow> = table.lines().filter(|line| !line.starts_with('#')).map(row).collect();
    assert!(rows.len() >= 300 && totals.len() == 4, "{} rows, totals {totals:?}", rows.len());
    (rows, totals)
}
