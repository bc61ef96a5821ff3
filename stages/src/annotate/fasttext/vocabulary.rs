//! Words, labels and the numbers of their features: whole words, character n-grams, word n-grams.

use std::collections::HashMap;

use super::bytes::Bytes;

/// What stands for the end of a line.
const END: &[u8] = b"</s>";

/// The settings that features depend on.
pub(super) struct Settings {
    pub(super) word_ngrams: usize,
    pub(super) n_buckets: usize,
    pub(super) min_chars: usize,
    pub(super) max_chars: usize,
}

pub(super) struct Vocabulary {
    settings: Settings,
    words: HashMap<Box<[u8]>, u32>,
    labels: Vec<(String, u64)>,
    /// Where the buckets that were kept went; none if all were kept.
    kept: Option<HashMap<u32, u32>>,
}

impl Vocabulary {
    pub(super) fn read(bytes: &mut Bytes<'_>, settings: Settings) -> Result<Self, String> {
        let (n, n_words, n_labels) = (bytes.count()?, bytes.count()?, bytes.count()?);
        let _n_tokens = bytes.i64()?;
        let n_kept = bytes.i64()?;
        let (mut words, mut labels) = (HashMap::new(), Vec::new());
        for _ in 0..n {
            let text = bytes.text()?;
            let count = u64::try_from(bytes.i64()?).unwrap_or(0);
            match bytes.take(1)? {
                [0] => {
                    words.insert(Box::from(text), u32::try_from(words.len()).map_err(|e| e.to_string())?);
                }
                _ => labels.push((String::from_utf8_lossy(text).into_owned(), count)),
            }
        }
        if words.len() != n_words || labels.len() != n_labels {
            return Err(format!("{} words and {} labels, not {n_words} and {n_labels}", words.len(), labels.len()));
        }
        let mut kept = None;
        if n_kept >= 0 {
            let mut map = HashMap::new();
            for _ in 0..n_kept {
                let (from, to) = (bytes.count()?, bytes.count()?);
                map.insert(u32::try_from(from).unwrap_or(u32::MAX), u32::try_from(to).unwrap_or(u32::MAX));
            }
            kept = Some(map);
        }
        Ok(Self { settings, words, labels, kept })
    }

    pub(super) fn labels(&self) -> &[(String, u64)] {
        &self.labels
    }

    /// Rows that features may number.
    pub(super) fn n_features(&self) -> usize {
        let last_kept = |kept: &HashMap<u32, u32>| kept.values().max().map_or(0, |last| *last as usize + 1);
        self.words.len() + self.kept.as_ref().map_or(self.settings.n_buckets, last_kept)
    }

    /// Replaces `features` by those of a text read as one line; false if it has no word.
    pub(super) fn features(&self, text: &str, features: &mut Vec<u32>) -> bool {
        features.clear();
        let mut hashes: Vec<i32> = Vec::new();
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c | 0);
        for token in text.as_bytes().split(is_space).filter(|token| !token.is_empty()) {
            self.word(token, features, &mut hashes);
        }
        if hashes.is_empty() {
            return false;
        }
        self.word(END, features, &mut hashes);
        self.word_ngrams(&hashes, features);
        true
    }

    fn word(&self, token: &[u8], features: &mut Vec<u32>, hashes: &mut Vec<i32>) {
        let known = self.words.get(token).copied();
        // A label in the text is no word.
        if known.is_none() && token.starts_with(super::PREFIX.as_bytes()) {
            return;
        }
        features.extend(known);
        if self.settings.max_chars > 0 && token != END {
            let framed: Vec<u8> = [b"<", token, b">"].concat();
            self.char_ngrams(&framed, features);
        }
        hashes.push(hash(token).cast_signed());
    }

    /// N-grams of UTF-8 characters of a word between `<` and `>`; those two alone are none.
    fn char_ngrams(&self, word: &[u8], features: &mut Vec<u32>) {
        let continues = |at: usize| word.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        for start in (0..word.len()).filter(|start| !continues(*start)) {
            let mut end = start;
            for n in 1..=self.settings.max_chars {
                if end >= word.len() {
                    break;
                }
                end += 1;
                while continues(end) {
                    end += 1;
                }
                let is_frame = n == 1 && (start == 0 || end == word.len());
                if n >= self.settings.min_chars && !is_frame {
                    self.push_bucket(u64::from(hash(&word[start..end])), features);
                }
            }
        }
    }

    fn word_ngrams(&self, hashes: &[i32], features: &mut Vec<u32>) {
        for (i, first) in hashes.iter().enumerate() {
            let mut mixed = i64::from(*first).cast_unsigned();
            for next in hashes.iter().skip(i + 1).take(self.settings.word_ngrams.saturating_sub(1)) {
                mixed = mixed.wrapping_mul(116_049_371).wrapping_add(i64::from(*next).cast_unsigned());
                self.push_bucket(mixed, features);
            }
        }
    }

    fn push_bucket(&self, hash: u64, features: &mut Vec<u32>) {
        if self.settings.n_buckets == 0 {
            return;
        }
        let bucket = (hash % self.settings.n_buckets as u64) as u32;
        let bucket = match &self.kept {
            None => Some(bucket),
            Some(kept) => kept.get(&bucket).copied(),
        };
        features.extend(bucket.map(|bucket| self.words.len() as u32 + bucket));
    }
}

/// FNV-1a with 32 bits, over bytes that count as signed.
fn hash(text: &[u8]) -> u32 {
    text.iter().fold(2_166_136_261, |hash, byte| {
        (hash ^ i32::from(byte.cast_signed()).cast_unsigned()).wrapping_mul(16_777_619)
    })
}
