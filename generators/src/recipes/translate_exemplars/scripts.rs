//! The script most letters of a text belong to, as far as the exemplars and checks need scripts.

/// A script, or a group that is read as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::recipes) enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Georgian,
    Hebrew,
    Arabic,
    Ethiopic,
    /// Of the Brahmic scripts, each block of 128 code points by its number: Devanagari is 18, Thai 28.
    Brahmic(u32),
    Hangul,
    /// Kana and Han together: Japanese has both.
    Han,
    Other,
}

/// The script of a letter; none for other characters.
fn script(c: char) -> Option<Script> {
    if !c.is_alphabetic() {
        return None;
    }
    Some(match c {
        '\u{41}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{531}'..='\u{58f}' => Script::Armenian,
        '\u{590}'..='\u{5ff}' => Script::Hebrew,
        '\u{600}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' | '\u{fb50}'..='\u{feff}' => Script::Arabic,
        '\u{900}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Script::Brahmic(u32::from(c) / 128),
        '\u{10a0}'..='\u{10ff}' => Script::Georgian,
        '\u{1200}'..='\u{139f}' => Script::Ethiopic,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7ff}' => Script::Hangul,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
            Script::Han
        }
        _ => Script::Other,
    })
}

/// The script that most letters have; of equals the first in the order of [`Script`], `Other` for no letters.
pub(in crate::recipes) fn main_script(text: &str) -> Script {
    let mut counts: std::collections::BTreeMap<Script, usize> = std::collections::BTreeMap::new();
    for script in text.chars().filter_map(script) {
        *counts.entry(script).or_insert(0) += 1;
    }
    let most = counts.values().max().copied();
    counts.into_iter().find(|(_, n)| Some(*n) == most).map_or(Script::Other, |(script, _)| script)
}

/// Share of letters in a script; 0 for no letters.
pub(in crate::recipes) fn script_ratio(text: &str, wanted: Script) -> f64 {
    let (mut letters, mut of_it) = (0_usize, 0_usize);
    for script in text.chars().filter_map(script) {
        letters += 1;
        of_it += usize::from(script == wanted);
    }
    of_it as f64 / letters.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_decide() {
        assert_eq!(main_script("Привет, 123 ok"), Script::Cyrillic);
        assert_eq!(main_script("日本のコーヒー"), Script::Han);
        assert_ne!(main_script("हिन्दी"), main_script("தமிழ்"));
        assert_eq!(main_script("123"), Script::Other);
        assert_eq!(script_ratio("abвг", Script::Latin), 0.5);
        assert_eq!(script_ratio("", Script::Latin), 0.0);
    }
}
