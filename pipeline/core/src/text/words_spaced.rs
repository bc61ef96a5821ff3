//! Words between ASCII white space, only counted: what a funnel shows beside rows.
//!
//! Every text that passes a writer is counted, so the loop is one that compilers turn into vector instructions: no
//! branch, and sums that fit a byte.

/// Number of runs of anything but ASCII white space.
///
/// # Example
/// ```
/// assert_eq!(gristmill_core::text::n_spaced_words(" two  words\n"), 2);
/// ```
pub fn n_spaced_words(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (Some(first), Some(next)) = (bytes.first(), bytes.get(1..)) else { return 0 };
    let starts = bytes.chunks(255).zip(next.chunks(255)).map(|(before, here)| {
        let begins = |(before, here): (&u8, &u8)| u8::from(is_space(*before) & !is_space(*here));
        u64::from(before.iter().zip(here).map(begins).sum::<u8>())
    });
    starts.sum::<u64>() + u64::from(!is_space(*first))
}

fn is_space(byte: u8) -> bool {
    (byte == b' ') | (byte == b'\n') | (byte == b'\t') | (byte == b'\r') | (byte == 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_between_white_space() {
        for (text, n) in [("", 0), ("  ", 0), ("a", 1), (" two  words\n", 2), ("ein Wörtchen, 3.5 €", 4)] {
            assert_eq!(n_spaced_words(text), n, "{text:?}");
        }
        // Oracle: the standard library.
        for n in [254, 255, 256, 511, 1000] {
            let text = "a bc\n\n d\u{e9}f\t".repeat(n);
            assert_eq!(n_spaced_words(&text), text.split_ascii_whitespace().count() as u64);
            assert_eq!(n_spaced_words(&"x ".repeat(n)), n as u64);
        }
    }
}
