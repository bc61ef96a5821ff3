//! A set of words, each numbered in the order of its first appearance.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Words as numbers from 0. All words lie in one string, so that a new word costs no allocation of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interner {
    table: HashTable<u32>,
    text: String,
    /// Where each word ends in `text`; it starts where the one before ends.
    ends: Vec<usize>,
}

impl Interner {
    pub(crate) fn n_words(&self) -> usize {
        self.ends.len()
    }

    /// The number of `word`, and whether it is new.
    ///
    /// Numbers past `u32::MAX` would repeat; so many distinct words do not fit in memory.
    pub(crate) fn intern(&mut self, word: &str) -> (u32, bool) {
        let hash = xxh3_64(word.as_bytes());
        let (text, ends) = (&self.text, &self.ends);
        if let Some(&id) = self.table.find(hash, |&id| nth(text, ends, id) == word) {
            return (id, false);
        }
        let id = self.ends.len() as u32;
        self.text.push_str(word);
        self.ends.push(self.text.len());
        let (text, ends) = (&self.text, &self.ends);
        self.table.insert_unique(hash, id, |&id| xxh3_64(nth(text, ends, id).as_bytes()));
        (id, true)
    }

    /// The number of `word` if it has one.
    #[cfg(test)]
    pub(crate) fn find(&self, word: &str) -> Option<u32> {
        let hash = xxh3_64(word.as_bytes());
        self.table.find(hash, |&id| nth(&self.text, &self.ends, id) == word).copied()
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.text.clear();
        self.ends.clear();
    }
}

fn nth<'a>(text: &'a str, ends: &[usize], id: u32) -> &'a str {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &text[start..ends[id]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_have_equal_numbers() {
        let mut interner = Interner::default();
        let ids: Vec<u32> = ["a", "", "ab", "a", "", "b"].iter().map(|word| interner.intern(word).0).collect();
        assert_eq!(ids, [0, 1, 2, 0, 1, 3]);
        assert_eq!((interner.find("ab"), interner.find("ba")), (Some(2), None));
        for i in 0..10_000 {
            assert_eq!(interner.intern(&format!("w{i}")), (4 + i, true));
        }
        assert_eq!(interner.find("w77"), Some(81));
        interner.clear();
        assert_eq!((interner.n_words(), interner.intern("w77")), (0, (0, true)));
    }
}
