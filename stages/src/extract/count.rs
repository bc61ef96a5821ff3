//! Counts characters and commas of a text once, so that no step of extraction reads text again.

use super::tree::Node;

/// Commas of all scripts, as Readability counts them.
fn is_comma(c: char) -> bool {
    matches!(
        c,
        ',' | '\u{060C}' | '\u{FE50}' | '\u{FE10}' | '\u{FE11}' | '\u{2E41}' | '\u{2E34}' | '\u{2E32}' | '\u{FF0C}'
    )
}

const SPACE: u8 = 1;
const COMMA: u8 = 2;
const WIDE: u8 = 4;

/// What a byte is to [`count_text`]; ASCII white space as in Unicode.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'\t'..=b'\r' | b' ' => SPACE,
            b',' => COMMA,
            0x80.. => WIDE,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// Fills in what a text node knows about its text.
pub(super) fn count_text(node: &mut Node, text: &str) {
    let (mut n, mut n_commas, mut all, mut before) = (0_u32, 0_u32, 0_u8, 0_u8);
    for byte in text.bytes() {
        let kind = KINDS[usize::from(byte)];
        n += u32::from(kind & before & SPACE == 0);
        n_commas += u32::from(kind >> 1 & 1);
        all |= kind;
        before = kind;
    }
    if all & WIDE != 0 {
        return count_wide_text(node, text);
    }
    let n_commas = u16::try_from(n_commas).unwrap_or(u16::MAX);
    (node.count, node.n_ascii_commas, node.n_commas) = (n, n_commas, n_commas);
    let is_space = |byte: Option<&u8>| byte.is_some_and(|byte| KINDS[usize::from(*byte)] == SPACE);
    (node.space_before, node.space_after) = (is_space(text.as_bytes().first()), is_space(text.as_bytes().last()));
    node.inked = n > 1 || n == 1 && !node.space_before;
}

fn count_wide_text(node: &mut Node, text: &str) {
    let (mut n, mut n_commas, mut n_ascii) = (0_u32, 0_u16, 0_u16);
    let (mut after_space, mut inked) = (false, false);
    for c in text.chars() {
        let space = c.is_whitespace();
        n += u32::from(!(space && after_space));
        inked |= !space;
        after_space = space;
        if c == ',' {
            n_ascii = n_ascii.saturating_add(1);
        } else if !c.is_ascii() && is_comma(c) {
            n_commas = n_commas.saturating_add(1);
        }
    }
    (node.count, node.n_ascii_commas, node.n_commas) = (n, n_ascii, n_commas.saturating_add(n_ascii));
    (node.space_before, node.space_after) = (text.starts_with(char::is_whitespace), after_space);
    node.inked = inked;
}

#[cfg(test)]
mod tests {
    use super::super::tags::Tag;
    use super::*;

    fn counted(text: &str) -> (u32, u16, bool, bool, bool) {
        let mut node = Node::new(Tag::Text);
        count_text(&mut node, text);
        (node.count, node.n_commas, node.space_before, node.space_after, node.inked)
    }

    #[test]
    fn white_space_counts_once() {
        assert_eq!(counted(""), (0, 0, false, false, false));
        assert_eq!(counted(" \n\t "), (1, 0, true, true, false));
        assert_eq!(counted("a, b"), (4, 1, false, false, true));
        assert_eq!(counted("  a  b  "), (5, 0, true, true, true));
        assert_eq!(counted("\u{A0} é，،x\u{3000}"), (6, 2, true, true, true));
        assert_eq!(counted("x"), (1, 0, false, false, true));
    }
}
