//! A prompt as numbers, cheaply: its shape, and which words it has.
//!
//! Words go into a fixed number of places by their hash, each with the sign of another bit of it, so that words that
//! share a place cancel on average (Weinberger et al. 2009). One pass, no allocation per word.

/// Numbers that describe the shape of a prompt; the first is always 1.
pub(crate) const N_SHAPE: usize = 9;

/// The features of a text: [`N_SHAPE`] of its shape, then `n_hashed` of its words. All zero but the first for "".
pub(crate) fn features(text: &str, n_hashed: usize) -> Vec<f64> {
    let mut features = vec![0.0; N_SHAPE + n_hashed];
    features[0] = 1.0;
    let (mut n_chars, mut n_words, mut n_word_chars) = (0u64, 0u64, 0u64);
    let mut counts = [0u64; 5];
    let mut word = None;
    for c in text.chars() {
        n_chars += 1;
        let kinds = [c.is_numeric(), c.is_ascii_punctuation(), c.is_uppercase(), c == '\n', !c.is_ascii()];
        for (count, is) in counts.iter_mut().zip(kinds) {
            *count += u64::from(is);
        }
        if c.is_alphanumeric() {
            n_word_chars += 1;
            let hash = word.unwrap_or(0xcbf2_9ce4_8422_2325);
            word = Some(c.to_lowercase().fold(hash, fnv));
        } else if let Some(hash) = word.take() {
            n_words += 1;
            add_word(&mut features, n_hashed, hash);
        }
    }
    if let Some(hash) = word {
        n_words += 1;
        add_word(&mut features, n_hashed, hash);
    }
    features[1] = ((1 + n_chars) as f64).ln() / 10.0;
    features[2] = ((1 + n_words) as f64).ln() / 10.0;
    features[3] = n_word_chars as f64 / n_words.max(1) as f64 / 10.0;
    for (feature, count) in features[4..N_SHAPE].iter_mut().zip(counts) {
        *feature = count as f64 / n_chars.max(1) as f64;
    }
    let norm = features[N_SHAPE..].iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 {
        features[N_SHAPE..].iter_mut().for_each(|x| *x /= norm);
    }
    features
}

/// FNV-1a over a character's code.
fn fnv(hash: u64, c: char) -> u64 {
    (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3)
}

fn add_word(features: &mut [f64], n_hashed: usize, hash: u64) {
    if n_hashed == 0 {
        return;
    }
    // FNV's low bits know little of the first letters.
    let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = ((mixed >> 33) % n_hashed as u64) as usize;
    features[N_SHAPE + place] += if mixed >> 32 & 1 == 0 { 1.0 } else { -1.0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_finite_features_and_words_a_length_of_one() {
        for text in ["", " ", "a", "Ünïcödé 🦀", "fn main() {}\n", &"x".repeat(1 << 20)] {
            let features = features(text, 32);
            assert!(features.iter().all(|x| x.is_finite()));
            let norm: f64 = features[N_SHAPE..].iter().map(|x| x * x).sum();
            assert!(norm == 0.0 || (norm - 1.0).abs() < 1e-9, "{text:.20}: {norm}");
        }
        assert_eq!(features("Word word", 32)[N_SHAPE..], features("word", 32)[N_SHAPE..]);
        assert_eq!(features("", 4)[1..], [0.0; N_SHAPE + 3]);
    }

    #[test]
    fn the_shape_of_a_short_text_by_hand() {
        // Ten characters: one digit, two punctuation marks, one capital, one line end, none beyond ASCII; words Ab, 1,
        // c.
        let shape = features("Ab,1 (c \n ", 0);
        assert_eq!(shape[4..], [0.1, 0.2, 0.1, 0.1, 0.0]);
        assert!((shape[3] - 4.0 / 3.0 / 10.0).abs() < 1e-12);
    }
}
