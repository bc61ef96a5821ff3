//! The numbers of a text, written in digits or in English words.

/// All numbers of a text, sorted: digits without separators of thousands, English words as digits ("twenty-five" is 25,
/// "two thousand" is 2000). "one" is read as a number too. Ordinals and fractions in words are not read.
pub(super) fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut spelt: Option<Spelt> = None;
    let bounds = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | ','));
    for word in text.split(bounds).filter(|word| !word.is_empty()) {
        let word = word.trim_matches(|c| matches!(c, '.' | ','));
        let lower = word.to_lowercase();
        if lower.is_empty() {
            continue;
        }
        if spelt.is_some() && lower == "and" {
            continue;
        }
        if let Some(value) = value_of(&lower) {
            let goes_on = spelt.as_mut().is_some_and(|open| open.add(value));
            if !goes_on {
                found.extend(spelt.replace(Spelt::new(value)).map(Spelt::digits));
            }
            continue;
        }
        found.extend(spelt.take().map(Spelt::digits));
        if lower.starts_with(|c: char| c.is_ascii_digit()) {
            found.push(lower.chars().filter(|c| *c != ',').collect());
        }
    }
    found.extend(spelt.map(Spelt::digits));
    found.sort_unstable();
    found
}

/// A number in words as far as it has been read.
struct Spelt {
    /// Thousands and more that are complete.
    done: u128,
    /// What is below the next thousand.
    open: u128,
    last: u64,
}

impl Spelt {
    fn new(value: u64) -> Self {
        Self { done: 0, open: u128::from(value), last: value }
    }

    /// Takes the next word if it goes on with the number: "twenty" "five", not "five" "twenty".
    fn add(&mut self, value: u64) -> bool {
        let last = std::mem::replace(&mut self.last, value);
        match value {
            1_000.. if self.open > 0 && self.open < 1_000 => {
                self.done = self.done.saturating_add(self.open.saturating_mul(u128::from(value)));
                self.open = 0;
            }
            100 if (1..10).contains(&last) => self.open = self.open - u128::from(last) + u128::from(last) * 100,
            1..=9 if (20..100).contains(&last) => self.open += u128::from(value),
            1..=99 if last >= 100 => self.open += u128::from(value),
            _ => {
                self.last = last;
                return false;
            }
        }
        true
    }

    fn digits(self) -> String {
        self.done.saturating_add(self.open).to_string()
    }
}

fn value_of(word: &str) -> Option<u64> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let small = SMALL.iter().position(|known| *known == word).map(|at| at as u64);
    let tens = || TENS.iter().position(|known| *known == word).map(|at| (at as u64 + 2) * 10);
    small.or_else(tens).or(match word {
        "hundred" => Some(100),
        "thousand" => Some(1_000),
        "million" => Some(1_000_000),
        "billion" => Some(1_000_000_000),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_digits_are_the_same_numbers() {
        assert_eq!(numbers("Twenty-five men and 3 dogs."), ["25", "3"]);
        assert_eq!(numbers("two thousand three hundred and six"), ["2306"]);
        assert_eq!(numbers("It cost 1,200.50 in 1987."), ["1200.50", "1987"]);
        assert_eq!(numbers("two, three"), ["2", "3"]);
        assert_eq!(numbers("five twenty"), ["20", "5"]);
        assert_eq!(numbers("two million"), ["2000000"]);
        assert!(numbers("no numbers, 日本").is_empty());
    }
}
