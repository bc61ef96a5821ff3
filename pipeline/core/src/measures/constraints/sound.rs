//! Syllables, stress and rhyme, by a pronouncing dictionary in the form of CMUdict: `word  P R AH0 N`.
//!
//! A word may have several pronunciations; a constraint holds if it holds for one of them. A word that the dictionary does
//! not have fails every constraint.

use std::path::Path;

use hashbrown::{HashMap, HashSet};

/// Pronunciations of words in small letters.
pub(super) struct Pronunciations {
    words: HashMap<String, Vec<Said>>,
}

/// One pronunciation.
struct Said {
    /// Stress of each vowel.
    stresses: Vec<u8>,
    /// Sounds from the last stressed vowel on; all of them where none is stressed.
    rhyme: String,
}

impl Said {
    /// Reads sounds in ARPAbet, vowels ending in their stress.
    fn of(sounds: &str) -> Self {
        let sounds: Vec<&str> = sounds.split_whitespace().collect();
        let stress = |sound: &&str| sound.bytes().next_back().filter(u8::is_ascii_digit);
        let stressed = |sound: &&str| matches!(stress(sound), Some(b'1' | b'2'));
        // The first sound is never looked at, as in the library `pronouncing`: then all sounds are the rhyme as well.
        let start = sounds.iter().rposition(stressed).unwrap_or(0);
        Self { stresses: sounds.iter().filter_map(stress).collect(), rhyme: sounds[start..].join(" ") }
    }
}

impl Pronunciations {
    /// Reads a dictionary: a word and its sounds a line, `word(2)` a second pronunciation, `;;;` or `#` before remarks.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let mut words: HashMap<String, Vec<Said>> = HashMap::new();
        for line in text.lines().map(|line| line.split('#').next().unwrap_or("").trim()) {
            if line.is_empty() || line.starts_with(";;;") {
                continue;
            }
            let (word, sounds) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| format!("{}: expected a word and its sounds, found {line:?}", path.display()))?;
            let word = word.split('(').next().unwrap_or(word).to_lowercase();
            words.entry(word).or_default().push(Said::of(sounds));
        }
        Ok(Self { words })
    }

    pub(super) fn knows(&self, word: &str) -> bool {
        self.said(word).is_some()
    }

    /// Whether the text can be said in so many syllables.
    pub(super) fn has_syllables(&self, text: &str, n: usize) -> bool {
        self.reach(text, |from, said| {
            let to = from + said.stresses.len();
            (to <= n).then_some(to)
        })
        .contains(&n)
    }

    /// Whether the text can be said with these stresses.
    pub(super) fn has_meter(&self, text: &str, meter: &[u8]) -> bool {
        self.reach(text, |from, said| {
            let place = meter.get(from..from + said.stresses.len())?;
            let fits = place.iter().zip(&said.stresses).all(|(asked, found)| *asked == b'.' || asked == found);
            fits.then_some(from + said.stresses.len())
        })
        .contains(&meter.len())
    }

    /// Whether the text's last word rhymes with a word, which it may not be itself.
    pub(super) fn rhymes(&self, text: &str, with: &str) -> bool {
        let Some(last) = words(text).last() else { return false };
        let (Some(said), Some(other)) = (self.said(last), self.said(with)) else { return false };
        !last.eq_ignore_ascii_case(with) && said.iter().any(|a| other.iter().any(|b| a.rhyme == b.rhyme))
    }

    fn said(&self, word: &str) -> Option<&Vec<Said>> {
        self.words.get(word.to_lowercase().as_str())
    }

    /// Where one can be, counted in syllables, after all words of the text; nowhere if one is not known or there is none.
    fn reach(&self, text: &str, step: impl Fn(usize, &Said) -> Option<usize>) -> HashSet<usize> {
        let mut places = HashSet::from([0]);
        let mut n_words = 0;
        for word in words(text) {
            let Some(said) = self.said(word) else { return HashSet::new() };
            n_words += 1;
            places = places.iter().flat_map(|from| said.iter().filter_map(|said| step(*from, said))).collect();
        }
        if n_words == 0 { HashSet::new() } else { places }
    }
}

/// Words without the punctuation around them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let edge = |c: char| !c.is_alphanumeric();
    text.split_whitespace().map(move |word| word.trim_matches(edge)).filter(|word| !word.is_empty())
}
