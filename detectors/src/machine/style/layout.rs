//! Layout: paragraphs, lists, headings. Features only where white space can be trusted; in collapsed text all are 0.

use super::variety::ratio;

/// Measures of lines and paragraphs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout {
    pub(crate) lines_per_100_words: f64,
    pub(crate) paragraph_words: f64,
    pub(crate) paragraph_variation: f64,
    pub(crate) bullet_ratio: f64,
    pub(crate) numbered_ratio: f64,
    pub(crate) heading_ratio: f64,
    pub(crate) emphasis_per_100_words: f64,
}

/// Measures the lines of a text; a text of one line has no layout.
pub(crate) fn layout(text: &str, n_words: usize) -> Layout {
    if !text.contains('\n') || n_words == 0 {
        return Layout::default();
    }
    let (mut n_lines, mut n_bullets, mut n_numbered, mut n_headings) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut paragraphs: Vec<f64> = Vec::new();
    let mut words_here = 0;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            if words_here > 0 {
                paragraphs.push(f64::from(words_here));
            }
            words_here = 0;
            continue;
        }
        n_lines += 1;
        words_here += line.split_whitespace().count() as i32;
        n_bullets += usize::from(["- ", "* ", "\u{2022}", "+ "].iter().any(|mark| line.starts_with(mark)));
        n_headings += usize::from(line.starts_with('#'));
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        n_numbered += usize::from(digits > 0 && matches!(line.as_bytes().get(digits), Some(b'.' | b')')));
    }
    if words_here > 0 {
        paragraphs.push(f64::from(words_here));
    }
    let n = paragraphs.len() as f64;
    let mean = ratio(paragraphs.iter().sum(), n);
    let sd = ratio(paragraphs.iter().map(|w| (w - mean) * (w - mean)).sum(), n).sqrt();
    let per_100 = 100.0 / n_words as f64;
    Layout {
        lines_per_100_words: n_lines as f64 * per_100,
        paragraph_words: mean,
        paragraph_variation: ratio(sd, mean),
        bullet_ratio: ratio(n_bullets as f64, n_lines as f64),
        numbered_ratio: ratio(n_numbered as f64, n_lines as f64),
        heading_ratio: ratio(n_headings as f64, n_lines as f64),
        emphasis_per_100_words: memchr::memmem::find_iter(text.as_bytes(), b"**").count() as f64 * per_100,
    }
}
