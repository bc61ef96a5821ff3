//! Wrong answers that need no judge: arithmetic, formats and counts that an instruction asks for.
//!
//! Das et al. 2024 found by hand that made instruction data answers wrongly where it should not answer; these rules find the
//! part of it that can be recomputed. A rule says nothing where it does not apply, so the share of wrong answers is over the
//! rows that some rule applies to.

use regex::Regex;
use std::sync::LazyLock;

/// Which rule spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnswerRule {
    /// An equation in the answer holds.
    Arithmetic,
    /// JSON was asked for and the answer parses.
    Json,
    /// Yes or no, true or false was asked for and the answer starts with one.
    YesNo,
    /// As many list items as asked for.
    ItemCount,
    /// No more words than asked for.
    WordLimit,
}

impl AnswerRule {
    /// All rules.
    pub const ALL: [Self; 5] = [Self::Arithmetic, Self::Json, Self::YesNo, Self::ItemCount, Self::WordLimit];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arithmetic => "arithmetic",
            Self::Json => "json",
            Self::YesNo => "yes_no",
            Self::ItemCount => "item_count",
            Self::WordLimit => "word_limit",
        }
    }

    /// Whether the answer keeps to the rule; none where the rule does not apply.
    pub fn check(self, instruction: &str, output: &str) -> Option<bool> {
        if output.trim().is_empty() {
            return None;
        }
        match self {
            Self::Arithmetic => equations(output),
            Self::Json => WANTS_JSON.is_match(instruction).then(|| parses(output)),
            Self::YesNo => WANTS_YES_NO.is_match(instruction).then(|| SAYS_YES_NO.is_match(output)),
            Self::ItemCount => item_count(instruction, output),
            Self::WordLimit => word_limit(instruction, output),
        }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|_| unreachable!("the patterns are used in tests"))
}

static EQUATION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|[^\s0-9.,+*/xX×÷^()%=$-]\s*)(-?[0-9]{1,9}(?:\.[0-9]{1,6})?) ?([+*/xX×÷-]) ?([0-9]{1,9}(?:\.[0-9]{1,6})?) ?= ?(-?[0-9]{1,15}(?:\.[0-9]{1,9})?)",
    )
});
static WANTS_JSON: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?:as|in|into|to|using|return|output|valid)\s+(?:a |an )?(?:valid )?json\b"));
static WANTS_YES_NO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i)\byes or no\b|\btrue or false\b|\b(?:answer|output|reply|respond)[^.?!]{0,20}"?yes"?/"?no\b"#)
});
static SAYS_YES_NO: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?i)^[\s"'*(\[]*(?:yes|no|true|false)\b"#));
static ITEM_COUNT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:list|give|name|suggest|provide|generate|write|find|tell)(?: me| us| of)? (?:the |a list of )?(?:top )?([0-9]{1,2}|two|three|four|five|six|seven|eight|nine|ten) (?:[a-z-]+ ){0,3}?[a-z-]+s\b",
    )
});
static LIST_ITEM: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s{0,6}(?:[0-9]{1,3}[.):]|[*•+-])\s*\S"));
static WORD_LIMIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:at most|no more than|up to|under|less than|fewer than|within|maximum of|max(?:imum)?) ([0-9]{1,4}) words\b",
    )
});

/// Whether all equations "a op b = c" of a text hold to the digits given; none without one.
fn equations(text: &str) -> Option<bool> {
    let mut all_hold = None;
    for found in EQUATION.captures_iter(text) {
        let number = |at: usize| found.get(at).and_then(|part| part.as_str().parse::<f64>().ok());
        let (Some(left), Some(right), Some(said)) = (number(1), number(3), number(4)) else { continue };
        let value = match found.get(2).map_or("", |part| part.as_str()) {
            "+" => left + right,
            "-" => left - right,
            "/" | "÷" if right != 0.0 => left / right,
            "/" | "÷" => continue,
            _ => left * right,
        };
        let n_decimals = found.get(4).and_then(|part| part.as_str().split_once('.')).map_or(0, |(_, tail)| tail.len());
        let tolerance = 0.5 / 10f64.powi(n_decimals as i32) + 1e-9 * value.abs();
        all_hold = Some(all_hold.unwrap_or(true) && (value - said).abs() <= tolerance);
    }
    all_hold
}

fn parses(output: &str) -> bool {
    let trimmed = output.trim();
    let inner = trimmed.strip_prefix("```json").or_else(|| trimmed.strip_prefix("```")).unwrap_or(trimmed);
    let inner = inner.strip_suffix("```").unwrap_or(inner).trim();
    serde_json::from_str::<serde::de::IgnoredAny>(inner).is_ok()
}

/// Applies only where the answer is a list with a mark for each item.
fn item_count(instruction: &str, output: &str) -> Option<bool> {
    let asked = ITEM_COUNT.captures(instruction)?.get(1)?.as_str().to_ascii_lowercase();
    let names = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let asked = match names.iter().position(|name| *name == asked) {
        Some(at) => at + 2,
        None => asked.parse().ok()?,
    };
    let n_items = LIST_ITEM.find_iter(output).count();
    (n_items >= 2).then_some(n_items == asked)
}

fn word_limit(instruction: &str, output: &str) -> Option<bool> {
    let limit: usize = WORD_LIMIT.captures(instruction)?.get(1)?.as_str().parse().ok()?;
    Some(output.split_whitespace().count() <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_computed() {
        let holds = |output: &str| AnswerRule::Arithmetic.check("", output);
        assert_eq!(holds("So 12 + 30 = 42."), Some(true));
        assert_eq!(holds("12 x 3 = 35"), Some(false));
        assert_eq!(holds("10 / 3 = 3.33"), Some(true));
        assert_eq!(holds("7/0 = 1"), None);
        assert_eq!(holds("no sums"), None);
        // The end of a longer expression is not an equation of its own.
        assert_eq!(holds("2 * 3 + 4 = 10"), None);
        assert_eq!(holds(""), None);
    }

    #[test]
    fn formats_are_parsed() {
        assert_eq!(AnswerRule::Json.check("Return JSON.", "{\"a\": 1}"), Some(true));
        assert_eq!(AnswerRule::Json.check("Answer as JSON", "```json\n[1]\n```"), Some(true));
        assert_eq!(AnswerRule::Json.check("Answer in JSON", "a: 1"), Some(false));
        assert_eq!(AnswerRule::Json.check("What is JSON?", "a format"), None);
        assert_eq!(AnswerRule::YesNo.check("Is it so? Yes or no?", "\"Yes\", it is."), Some(true));
        assert_eq!(AnswerRule::YesNo.check("Is it so? Answer yes or no.", "It is."), Some(false));
    }

    #[test]
    fn counts_are_kept() {
        assert_eq!(AnswerRule::ItemCount.check("List five fruits.", "1. a\n2. b\n3. c"), Some(false));
        assert_eq!(AnswerRule::ItemCount.check("Give me 3 good reasons", "- a\n- b\n- c"), Some(true));
        assert_eq!(AnswerRule::ItemCount.check("List five fruits.", "a, b, c"), None);
        assert_eq!(AnswerRule::WordLimit.check("Summarise in at most 3 words", "one two three four"), Some(false));
        assert_eq!(AnswerRule::WordLimit.check("Summarise", "one two three four"), None);
    }
}
