//! The chunks that spaCy's English tokenizer cuts by list: contractions, abbreviations, times and emoticons.
//!
//! Almost every word of a text is looked up and almost none is found, so the table is built to say no fast: by first
//! byte and length, then by one slot of a small hash table.

use std::sync::LazyLock;

const N_SLOTS: usize = 4096;
const EMPTY: u16 = u16::MAX;

static ENGLISH: LazyLock<Exceptions> = LazyLock::new(|| Exceptions::parse(include_str!("exceptions.txt")));

/// One exception: the chunk and where its pieces end.
pub(super) struct Exception {
    /// The whole chunk.
    pub(super) chunk: String,
    ends: Vec<usize>,
}

impl Exception {
    fn parse(field: &str) -> Self {
        let mut ends = Vec::new();
        let mut chunk = String::new();
        for piece in field.split('~') {
            chunk.push_str(piece);
            ends.push(chunk.len());
        }
        Self { chunk, ends }
    }

    /// The pieces of `text`, which has the length of this chunk.
    pub(super) fn pieces<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied()).filter_map(move |(start, end)| text.get(start..end))
    }
}

/// All exceptions, by chunk.
pub(super) struct Exceptions {
    entries: Vec<Exception>,
    slots: Vec<u16>,
    /// For each first byte, one bit per length that occurs.
    lengths: [u32; 256],
}

impl Exceptions {
    /// The table of English.
    pub(super) fn english() -> &'static Self {
        &ENGLISH
    }

    fn parse(source: &str) -> Self {
        let fields = source.lines().filter(|line| !line.starts_with("# ")).flat_map(str::split_ascii_whitespace);
        let entries: Vec<Exception> = fields.map(Exception::parse).collect();
        let mut slots = vec![EMPTY; N_SLOTS];
        let mut lengths = [0; 256];
        for (number, entry) in (0u16..).zip(&entries) {
            let bytes = entry.chunk.as_bytes();
            lengths[usize::from(bytes[0])] |= 1 << bytes.len();
            let mut slot = first_slot(bytes);
            while slots[slot] != EMPTY {
                slot = (slot + 1) % N_SLOTS;
            }
            slots[slot] = number;
        }
        Self { entries, slots, lengths }
    }

    /// All exceptions, in the order of the file.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.entries.iter()
    }

    /// The exception for exactly this chunk.
    pub(super) fn get(&self, chunk: &str) -> Option<&Exception> {
        let bytes = chunk.as_bytes();
        let lengths = self.lengths[usize::from(*bytes.first()?)];
        if bytes.len() >= 32 || lengths & (1 << bytes.len()) == 0 {
            return None;
        }
        let mut slot = first_slot(bytes);
        while let Some(entry) = self.entries.get(usize::from(self.slots[slot])) {
            if entry.chunk == chunk {
                return Some(entry);
            }
            slot = (slot + 1) % N_SLOTS;
        }
        None
    }
}

/// Slot where the search for a chunk begins: a hash of its length and of its first and last bytes.
fn first_slot(bytes: &[u8]) -> usize {
    let mixed = if let (Some(head), Some(tail)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
    } else {
        bytes.iter().fold(0, |mixed, &b| mixed << 8 | u64::from(b))
    };
    let hash = (mixed ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 52) as usize % N_SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_each_exception_and_nothing_else() {
        let table = Exceptions::english();
        // 1,347 rules of spaCy 3.8.18, less four of white space.
        assert_eq!(table.iter().count(), 1_343);
        for entry in table.iter() {
            assert!(table.get(&entry.chunk).is_some_and(|found| found.chunk == entry.chunk));
            assert!(table.get(&format!("{}z", entry.chunk)).is_none());
        }
        assert!(table.get("").is_none());
        assert!(table.get("its").is_none());
    }

    #[test]
    fn cuts_where_the_list_says() {
        let pieces = |chunk: &str| -> Option<Vec<String>> {
            Some(Exceptions::english().get(chunk)?.pieces(chunk).map(str::to_owned).collect())
        };
        assert_eq!(pieces("can't've"), Some(vec!["ca".into(), "n't".into(), "'ve".into()]));
        assert_eq!(pieces("C’mon"), Some(vec!["C’m".into(), "on".into()]));
        assert_eq!(pieces("Mr."), Some(vec!["Mr.".into()]));
    }
}
