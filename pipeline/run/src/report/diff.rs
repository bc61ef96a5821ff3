//! Which words differ between two texts, so that a reader sees at a glance why a pair was taken for copies.
//!
//! Equal words at both ends are set aside; what is left goes through Myers' greedy algorithm, which finds a shortest
//! script but takes time that grows with the number of edits. Beyond a stated number of edits we settle for less: words
//! that occur once on each side, in their longest common order, are held to be equal, and what lies between them is
//! marked as changed. So the time is bounded for any text: O(n log n + edits²).
//!
//! Source: Myers 1986, An O(ND) difference algorithm and its variations; anchors as in Bram Cohen's patience diff.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Bounds of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiffLimits {
    /// Words of each side that are compared; what follows is not shown.
    pub words: usize,
    /// Edits up to which the script is a shortest one.
    pub edits: usize,
}

impl Default for DiffLimits {
    /// 2,000 words and 400 edits: a few screens of text, and at most 80,000 steps and 1 MB.
    fn default() -> Self {
        Self { words: 2_000, edits: 400 }
    }
}

/// A stretch of text that is equal on both sides, or only on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text with the white space that follows its words.
    pub text: &'a str,
    /// Whether the other side has the same words at this place.
    pub equal: bool,
}

/// Two texts as pieces; joined, the pieces of a side are the text of its compared words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff<'a> {
    /// The first text.
    pub left: Vec<Piece<'a>>,
    /// The second text.
    pub right: Vec<Piece<'a>>,
    /// Bytes after the compared words, of each text.
    pub rest_bytes: [usize; 2],
}

/// Compares two texts word by word, white space aside. Empty texts have no pieces.
pub fn words<'a>(left: &'a str, right: &'a str, limits: DiffLimits) -> Diff<'a> {
    let mut numbers = HashMap::new();
    let (left_words, left_rest) = split(left, limits.words);
    let (right_words, right_rest) = split(right, limits.words);
    let a = number(&left_words, &mut numbers);
    let b = number(&right_words, &mut numbers);
    let mut equal = [vec![false; a.len()], vec![false; b.len()]];
    mark(&a, &b, limits.edits, &mut equal);
    Diff {
        left: pieces(left, &left_words, &equal[0]),
        right: pieces(right, &right_words, &equal[1]),
        rest_bytes: [left_rest, right_rest],
    }
}

/// A word: where it starts, ends, and where the white space after it ends.
#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    start: usize,
    stop: usize,
}

/// The first words of a text, and how many bytes follow them. Leading white space belongs to the first word.
fn split(text: &str, at_most: usize) -> (Vec<Word<'_>>, usize) {
    let mut words: Vec<Word<'_>> = Vec::new();
    for word in text.split_whitespace().take(at_most) {
        // The word is a slice of the text, so its place is the distance of their beginnings.
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        if let Some(last) = words.last_mut() {
            last.stop = start;
        }
        let from = if words.is_empty() { 0 } else { start };
        words.push(Word { text: word, start: from, stop: start + word.len() });
    }
    let Some(last) = words.last_mut() else { return (words, 0) };
    let space = text[last.stop..].len() - text[last.stop..].trim_start().len();
    last.stop += space;
    let rest = text.len() - last.stop;
    (words, rest)
}

fn number<'a>(words: &[Word<'a>], numbers: &mut HashMap<&'a str, u32>) -> Vec<u32> {
    words
        .iter()
        .map(|word| {
            let next = numbers.len() as u32;
            *numbers.entry(word.text).or_insert(next)
        })
        .collect()
}

/// Marks the words of both sides that are equal in place.
fn mark(a: &[u32], b: &[u32], edits: usize, equal: &mut [Vec<bool>; 2]) {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    let (a_end, b_end) = (a.len() - tail, b.len() - tail);
    equal[0][..head].fill(true);
    equal[1][..head].fill(true);
    equal[0][a_end..].fill(true);
    equal[1][b_end..].fill(true);
    let (a_mid, b_mid) = (&a[head..a_end], &b[head..b_end]);
    let matches = shortest(a_mid, b_mid, edits).unwrap_or_else(|| anchors(a_mid, b_mid));
    for (i, j) in matches {
        equal[0][head + i] = true;
        equal[1][head + j] = true;
    }
}

/// The matches of a shortest edit script, last first; none if it takes more than `edits`.
fn shortest(a: &[u32], b: &[u32], edits: usize) -> Option<Vec<(usize, usize)>> {
    if a.is_empty() || b.is_empty() {
        return Some(Vec::new());
    }
    let most = edits.min(a.len() + b.len());
    // reach[most + k] is how far on a one gets on diagonal k = i - j; a copy of each round is kept for the way back.
    let mut reach = vec![0usize; 2 * most + 2];
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for d in 0..=most {
        rounds.push(reach[most - d..=most + d + 1].to_vec());
        for k in (0..=2 * d).step_by(2).map(|step| step as isize - d as isize) {
            let at = |k: isize| (most as isize + k) as usize;
            let down = k == -(d as isize) || (k != d as isize && reach[at(k - 1)] < reach[at(k + 1)]);
            let mut i = if down { reach[at(k + 1)] } else { reach[at(k - 1)] + 1 };
            let mut j = (i as isize - k) as usize;
            while i < a.len() && j < b.len() && a[i] == b[j] {
                i += 1;
                j += 1;
            }
            reach[at(k)] = i;
            if i == a.len() && j == b.len() {
                return Some(walk_back(a.len(), b.len(), &rounds));
            }
        }
    }
    None
}

/// The matches along the way that `rounds` remember.
fn walk_back(mut i: usize, mut j: usize, rounds: &[Vec<usize>]) -> Vec<(usize, usize)> {
    let mut matches = Vec::new();
    for (d, reach) in rounds.iter().enumerate().rev() {
        let k = i as isize - j as isize;
        // Round d holds the diagonals from -d to d + 1.
        let at = |k: isize| reach[(k + d as isize) as usize];
        let (d_end, start) = (d as isize, (d == 0).then_some((0, 0)));
        let (from_i, from_j) = start.unwrap_or_else(|| {
            let down = k == -d_end || (k != d_end && at(k - 1) < at(k + 1));
            let before = if down { k + 1 } else { k - 1 };
            (at(before), (at(before) as isize - before) as usize)
        });
        while i > from_i && j > from_j {
            i -= 1;
            j -= 1;
            matches.push((i, j));
        }
        (i, j) = (from_i, from_j);
    }
    matches
}

/// Words that occur once on each side, as many of them as keep their order.
fn anchors(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let highest = a.iter().chain(b).max().map_or(0, |n| *n as usize + 1);
    let (in_a, in_b) = (once(a, highest), once(b, highest));
    // Piles of patience: the least end of a chain of each length, and each match's predecessor.
    let mut piles: Vec<usize> = Vec::new();
    let mut chain: Vec<(usize, usize, Option<usize>)> = Vec::new();
    for (i, word) in a.iter().enumerate() {
        let (Some(_), Some(j)) = (in_a[*word as usize], in_b[*word as usize]) else { continue };
        let pile = piles.partition_point(|top| chain[*top].1 < j);
        let before = pile.checked_sub(1).map(|p| piles[p]);
        chain.push((i, j, before));
        if pile == piles.len() { piles.push(chain.len() - 1) } else { piles[pile] = chain.len() - 1 }
    }
    let mut matches = Vec::new();
    let mut at = piles.last().copied();
    while let Some(place) = at {
        let (i, j, before) = chain[place];
        matches.push((i, j));
        at = before;
    }
    matches
}

/// Where each word stands that occurs exactly once.
fn once(words: &[u32], highest: usize) -> Vec<Option<usize>> {
    let mut seen = vec![0u8; highest];
    let mut place = vec![None; highest];
    for (i, word) in words.iter().enumerate() {
        let word = *word as usize;
        seen[word] = seen[word].saturating_add(1);
        place[word] = (seen[word] == 1).then_some(i);
    }
    place
}

fn pieces<'a>(text: &'a str, words: &[Word<'a>], equal: &[bool]) -> Vec<Piece<'a>> {
    let mut out = Vec::new();
    let mut from = 0;
    while from < words.len() {
        let run = equal[from..].iter().take_while(|flag| **flag == equal[from]).count();
        let last = from + run - 1;
        out.push(Piece { text: &text[words[from].start..words[last].stop], equal: equal[from] });
        from = last + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pieces: &[Piece<'_>]) -> String {
        pieces.iter().map(|p| if p.equal { p.text.to_owned() } else { format!("[{}]", p.text) }).collect()
    }

    fn both(left: &str, right: &str, limits: DiffLimits) -> (String, String) {
        let diff = words(left, right, limits);
        (marked(&diff.left), marked(&diff.right))
    }

    fn shown(left: &str, right: &str) -> (String, String) {
        both(left, right, DiffLimits::default())
    }

    fn pair(left: &str, right: &str) -> (String, String) {
        (left.to_owned(), right.to_owned())
    }

    #[test]
    fn only_what_differs_is_marked() {
        assert_eq!(shown("", ""), pair("", ""));
        assert_eq!(shown("", "a b"), pair("", "[a b]"));
        assert_eq!(shown("a  b\nc", "a b c"), pair("a  b\nc", "a b c"));
        assert_eq!(
            shown("the old cat sat", "the black cat sat down"),
            pair("the [old ]cat sat", "the [black ]cat sat [down]")
        );
        assert_eq!(shown("  x y", "y z"), pair("[  x ]y", "y [z]"));
    }

    #[test]
    fn the_script_is_a_shortest_one() {
        // Myers 1986, figure 1: ABCABBA and CBABAC share four letters.
        let diff = words("A B C A B B A", "C B A B A C", DiffLimits::default());
        let equal = |pieces: &[Piece<'_>]| {
            pieces.iter().filter(|p| p.equal).map(|p| p.text.split_whitespace().count()).sum::<usize>()
        };
        assert_eq!((equal(&diff.left), equal(&diff.right)), (4, 4));
    }

    #[test]
    fn past_the_bound_rare_words_still_match() {
        let limits = DiffLimits { words: 2_000, edits: 1 };
        assert_eq!(
            both("x x one x two x", "y one y y two y", limits),
            pair("[x x ]one [x ]two [x]", "[y ]one [y y ]two [y]")
        );
        // Words in another order: one of the two can stay.
        let (left, right) = both("p one q two r", "s two t one u", limits);
        assert_eq!((left.matches('[').count(), right.matches('[').count()), (2, 2));
    }

    #[test]
    fn the_pieces_are_the_text() {
        // Random walks over few words, so that equal and different stretches of all lengths occur.
        let mut state = 1u64;
        let mut draw = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for round in 0..500 {
            let mut text = || (0..draw(30)).map(|_| ["a ", "b\n", " c ", "d  "][draw(4) as usize]).collect::<String>();
            let (left, right) = (text(), text());
            let diff = words(&left, &right, DiffLimits { words: 20, edits: round % 12 });
            for (text, pieces, rest) in
                [(&left, &diff.left, diff.rest_bytes[0]), (&right, &diff.right, diff.rest_bytes[1])]
            {
                let joined: String = pieces.iter().map(|p| p.text).collect();
                if !pieces.is_empty() {
                    assert_eq!(joined, text[..text.len() - rest]);
                }
            }
            let same = |pieces: &[Piece<'_>]| {
                let equal = pieces.iter().filter(|p| p.equal);
                equal.flat_map(|p| p.text.split_whitespace()).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(same(&diff.left), same(&diff.right), "{left:?} {right:?}");
        }
    }

    #[test]
    fn hostile_texts_take_bounded_time() {
        let left = "a b ".repeat(500_000);
        let right = "b a a ".repeat(400_000);
        let line = "x".repeat(10_000_000);
        for (l, r) in [(&left, &right), (&line, &left), (&line, &line)] {
            let started = std::time::Instant::now();
            let diff = words(l, r, DiffLimits::default());
            assert!(!diff.left.is_empty());
            assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
        }
    }
}
