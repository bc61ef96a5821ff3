//! What inputs and outputs must be like: their length, no chatter, the output most draws agree on, one label.

/// Signs, in lower case, that an assistant talks to somebody or repeats the prompt's marks.
pub(super) const CHATTER: &[&str] = &[
    "happy to help",
    "of course!",
    "great question",
    "good question",
    "glad you asked",
    "thanks for asking",
    "let me help",
    "let me see",
    "let me check",
    "no problem,",
    "absolutely!",
    "certainly!",
    "i understand your",
    "as an ai",
    "input:",
    "output:",
    "[input]",
    "[output]",
    "\n\n",
    "\\_\\_",
];

/// Characters within `sigmas` standard deviations of the mean; none for fewer than two texts, which tell no deviation.
pub(super) fn expected_chars(texts: &[&str], sigmas: f64) -> Option<[f64; 2]> {
    if texts.len() < 2 {
        return None;
    }
    let chars: Vec<f64> = texts.iter().map(|text| text.chars().count() as f64).collect();
    let mean = chars.iter().sum::<f64>() / chars.len() as f64;
    let deviation = (chars.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / chars.len() as f64).sqrt();
    Some([mean - sigmas * deviation, mean + sigmas * deviation])
}

/// The most frequent text with its share, if that is large enough: of several the shortest, of these the first.
pub(super) fn agreed(outputs: &[String], min_agreement: f64) -> Option<(&str, f64)> {
    let count = |text: &str| outputs.iter().filter(|output| *output == text).count();
    let most = outputs.iter().map(|output| count(output)).max()?;
    let ratio = most as f64 / outputs.len() as f64;
    let best = outputs.iter().filter(|output| count(output) == most).min_by_key(|output| output.chars().count())?;
    (ratio >= min_agreement).then_some((best.as_str(), ratio))
}

/// The one label that a text contains; none for no label or several, unless the text is one of them.
pub(super) fn one_label<'a>(text: &str, labels: &'a [String]) -> Option<&'a str> {
    let text = text.trim().to_lowercase();
    let exact = labels.iter().find(|label| label.to_lowercase() == text);
    let mut contained = labels.iter().filter(|label| text.contains(&label.to_lowercase()));
    match (exact, contained.next(), contained.next()) {
        (Some(label), ..) | (None, Some(label), None) => Some(label),
        _ => None,
    }
}

/// The text of a reply without the mark that asked for it.
pub(super) fn unmarked(reply: &str) -> &str {
    let reply = reply.trim();
    let marks = ["[input]", "[output]", "Input:", "Output:"];
    marks.iter().find_map(|mark| reply.strip_prefix(mark)).unwrap_or(reply).trim()
}

/// Whether a text has the expected number of characters; the upper bound is excluded.
pub(super) fn fits(text: &str, chars: Option<[f64; 2]>) -> bool {
    let n = text.chars().count() as f64;
    chars.is_none_or(|[least, most]| least <= n && n < most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_of_the_most_frequent_outputs_is_taken() {
        let outputs = ["four", "4", "four", "4", "5"].map(str::to_owned);
        assert_eq!(agreed(&outputs, 0.3), Some(("4", 0.4)));
        assert_eq!(agreed(&outputs, 0.5), None);
        assert_eq!(agreed(&[], 0.3), None);
    }

    #[test]
    fn a_label_is_read_when_it_is_the_only_one() {
        let labels = ["yes", "no"].map(str::to_owned);
        assert_eq!(one_label(" Yes.", &labels), Some("yes"));
        assert_eq!(one_label("yes or no", &labels), None);
        assert_eq!(one_label("perhaps", &labels), None);
        let labels = ["positive", "very positive"].map(str::to_owned);
        assert_eq!(one_label("Very positive", &labels), Some("very positive"));
    }

    #[test]
    fn lengths_lie_within_deviations_of_the_demonstrations() {
        // Lengths 2 and 6: mean 4, deviation 2; two deviations reach from 0 to below 8.
        let chars = expected_chars(&["ab", "abcdef"], 2.0);
        assert_eq!(chars, Some([0.0, 8.0]));
        assert!(fits("", chars) && fits("abcdefg", chars) && !fits("abcdefgh", chars));
        assert_eq!(expected_chars(&["ab"], 2.0), None);
    }
}
