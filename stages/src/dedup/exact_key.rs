//! The key of exact deduplication: 128 bits of a text, as it stands or with case and white space levelled.
//!
//! xxh3 with 128 bits: among n different texts the odds of any two with the same key are n^2 / 2^129, 1e-21 for a billion.
//! It is no cryptographic hash: who can choose texts can make two meet, and would gain only that his own are dropped.
//! The levelled text is never built; it streams into the hash through a small buffer.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// What counts as the same text; by default only the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Level {
    /// Letters count as their lower case (of each character by itself).
    pub case: bool,
    /// Runs of white space count as one space, and as nothing at both ends.
    pub space: bool,
}

/// Bytes levelled before they go to the hash: large enough for xxh3's wide loop, small enough for the stack.
const BUFFER: usize = 1024;
/// Bytes taken at once where all are ASCII.
const CHUNK: usize = 32;

/// The key of a text.
pub fn exact_key(text: &str, level: Level) -> u128 {
    if level == Level::default() {
        return xxh3_128(text.as_bytes());
    }
    // White space at the end goes first, so that a space is only ever written before something.
    let text = if level.space { text.trim() } else { text };
    let bytes = text.as_bytes();
    let mut sink = Sink { hasher: Xxh3::new(), buffer: [0; BUFFER], n: 0, hashed: false, level, after_space: false };
    let mut at = 0;
    while at < bytes.len() {
        while let Some(chunk) = bytes[at..].first_chunk::<CHUNK>()
            && chunk.is_ascii()
        {
            sink.flush_if_full();
            sink.chunk(chunk);
            at += CHUNK;
        }
        // Something longer than a byte is near, or the end is: go by characters for a while, then try again.
        sink.flush_if_full();
        let until = (at + CHUNK).min(bytes.len());
        for c in text[at..].chars() {
            if at >= until {
                break;
            }
            at += c.len_utf8();
            sink.char(c);
        }
    }
    sink.key()
}

/// Levels characters and collects them for the hash.
struct Sink {
    hasher: Xxh3,
    buffer: [u8; BUFFER],
    n: usize,
    hashed: bool,
    level: Level,
    after_space: bool,
}

impl Sink {
    /// Makes room for a chunk. The most it can become is 32 times three characters of four bytes.
    fn flush_if_full(&mut self) {
        if self.n > BUFFER - CHUNK * 12 {
            self.hasher.update(&self.buffer[..self.n]);
            (self.n, self.hashed) = (0, true);
        }
    }

    /// Takes ASCII bytes.
    fn chunk(&mut self, chunk: &[u8; CHUNK]) {
        let lower = if self.level.case { chunk.map(|byte| byte.to_ascii_lowercase()) } else { *chunk };
        let room = &mut self.buffer[self.n..];
        let Some(room) = room.first_chunk_mut::<CHUNK>() else { return };
        if !self.level.space {
            *room = lower;
            self.n += CHUNK;
            return;
        }
        let mut n = 0;
        for byte in lower {
            // Written always, counted unless it is the second of two spaces: no wrong guess at each word's end.
            let space = byte == b' ' || (b'\t'..=b'\r').contains(&byte);
            room[n % CHUNK] = if space { b' ' } else { byte };
            n += usize::from(!(space & self.after_space));
            self.after_space = space;
        }
        self.n += n;
    }

    fn char(&mut self, c: char) {
        if self.level.space && c.is_whitespace() {
            if !std::mem::replace(&mut self.after_space, true) {
                self.push(' ');
            }
            return;
        }
        self.after_space = false;
        if self.level.case {
            c.to_lowercase().for_each(|lower| self.push(lower));
        } else {
            self.push(c);
        }
    }

    fn push(&mut self, c: char) {
        let end = self.n + c.len_utf8();
        c.encode_utf8(&mut self.buffer[self.n..end]);
        self.n = end;
    }

    fn key(mut self) -> u128 {
        if !self.hashed {
            return xxh3_128(&self.buffer[..self.n]);
        }
        self.hasher.update(&self.buffer[..self.n]);
        self.hasher.digest128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Level = Level { case: true, space: false };
    const SPACE: Level = Level { case: false, space: true };
    const BOTH: Level = Level { case: true, space: true };

    #[test]
    fn keys_are_those_of_the_levelled_text() {
        // Oracle: the levelled text built as a string.
        let long = "Ein Bär,  \r\n zwei BÄREN\u{a0}\u{2003}ß İ x".repeat(90);
        for text in ["", " ", "a", " A  b\t\u{b}c ", "Ünï \u{3000} Ω", "\u{85}x", &long, &"x".repeat(5000)] {
            let lower: String = text.chars().flat_map(char::to_lowercase).collect();
            let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let key = |text: &str| xxh3_128(text.as_bytes());
            assert_eq!(exact_key(text, Level::default()), key(text));
            assert_eq!(exact_key(text, CASE), key(&lower), "{text:?}");
            assert_eq!(exact_key(text, SPACE), key(&squeezed(text)), "{text:?}");
            assert_eq!(exact_key(text, BOTH), key(&squeezed(&lower)), "{text:?}");
        }
    }

    #[test]
    fn levels_join_what_they_should() {
        assert_ne!(exact_key("A b", Level::default()), exact_key("a b", Level::default()));
        assert_eq!(exact_key("A b", CASE), exact_key("a B", CASE));
        assert_ne!(exact_key("A  b", CASE), exact_key("a b", CASE));
        assert_eq!(exact_key(" a\r\nb\n", SPACE), exact_key("a b", SPACE));
        assert_ne!(exact_key("ab", BOTH), exact_key("a b", BOTH));
    }
}
