//! Personal data by pattern: mail addresses, telephone numbers, network addresses, cards, accounts, keys.
//!
//! Candidates come from linear-time patterns and must then pass what can be checked: Luhn's sum for cards (ISO/IEC 7812),
//! the remainder of 97 for accounts (ISO 13616), the ranges that are never given out for US social security numbers, and
//! parsing for network addresses. Addresses set aside for examples and for private networks (RFC 2606, 1918, 5737) are not
//! personal and do not count.

use regex::Regex;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PiiKind {
    /// A mail address.
    Email,
    /// A secret key or token, by its prefix.
    Key,
    /// A payment card.
    Card,
    /// An international bank account number.
    Iban,
    /// A US social security number.
    Ssn,
    /// A network address.
    Ip,
    /// A telephone number.
    Phone,
}

impl PiiKind {
    /// All kinds, in the order in which they claim a stretch of text.
    pub const ALL: [Self; 7] = [Self::Email, Self::Key, Self::Card, Self::Iban, Self::Ssn, Self::Ip, Self::Phone];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Key => "key",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Ssn => "ssn",
            Self::Ip => "ip",
            Self::Phone => "phone",
        }
    }

    /// Edges are of ASCII words, which a single pass of an automaton can tell; [`Self::stands_alone`] looks at the letters of
    /// other alphabets.
    fn pattern(self) -> &'static str {
        match self {
            Self::Email => r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?-u:\b)",
            Self::Key => {
                r"(?-u:\b)(?:sk-[A-Za-z0-9_-]{20,200}|gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,200}|AIza[0-9A-Za-z_-]{35}|hf_[A-Za-z0-9]{30,60})|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
            }
            Self::Card => r"(?-u:\b)[3-6][0-9](?:[ -]?[0-9]){11,17}(?-u:\b)",
            Self::Iban => r"(?-u:\b)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?-u:\b)",
            Self::Ssn => r"(?-u:\b)[0-9]{3}-[0-9]{2}-[0-9]{4}(?-u:\b)",
            Self::Ip => {
                r"(?-u:\b)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?-u:\b)|(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,7}"
            }
            Self::Phone => {
                r"\+[0-9](?:[ .()-]{0,2}[0-9]){7,14}(?-u:\b)|(?:\([0-9]{2,5}\) ?|(?-u:\b)[0-9]{2,5}[ .-])[0-9]{3,4}[ .-][0-9]{3,4}(?-u:\b)"
            }
        }
    }

    fn holds(self, found: &str) -> bool {
        match self {
            Self::Email => !is_example_host(found),
            Self::Key => true,
            Self::Card => luhn(found),
            Self::Iban => iban(found),
            Self::Ssn => {
                !["000", "666", "9"].iter().any(|area| found.starts_with(area))
                    && !found.contains("-00-")
                    && !found.ends_with("-0000")
            }
            Self::Ip => is_public_address(found),
            Self::Phone => (8..=15).contains(&digits(found).count()) && !found.contains("555-01"),
        }
    }

    /// Nothing found goes on in a letter of another alphabet, and nothing but an address starts amid such. A telephone or card number amid more groups of digits is a part
    /// of some other number; a plus sign starts a new one.
    fn stands_alone(self, text: &str, start: usize, end: usize) -> bool {
        let is_letter = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && c.is_alphanumeric());
        let starts_amid = self != Self::Email && is_letter(text[..start].chars().next_back());
        if starts_amid || is_letter(text[end..].chars().next()) {
            return false;
        }
        let is_group = |mut bytes: std::iter::Rev<std::slice::Iter<'_, u8>>| {
            matches!(
                (bytes.next(), bytes.next()),
                (Some(b' ' | b'-' | b'.'), Some(b'0'..=b'9')) | (Some(b'0'..=b'9'), _)
            )
        };
        let after = &text.as_bytes()[end..text.len().min(end + 2)];
        let follows = matches!(after, [b' ' | b'-' | b'.', b'0'..=b'9'] | [b'0'..=b'9', ..]);
        let goes_on = !text[start..].starts_with('+') && is_group(text.as_bytes()[..start].iter().rev());
        !matches!(self, Self::Phone | Self::Card) || !(follows || goes_on)
    }
}

static PATTERNS: LazyLock<Vec<(PiiKind, Regex)>> = LazyLock::new(|| {
    let compile = |kind: PiiKind| {
        Regex::new(kind.pattern()).unwrap_or_else(|_| unreachable!("the patterns are compiled in a test"))
    };
    PiiKind::ALL.into_iter().map(|kind| (kind, compile(kind))).collect()
});

/// A stretch of text that holds personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PiiSpan {
    /// What it is.
    pub kind: PiiKind,
    /// Byte offset of its start.
    pub start: usize,
    /// Byte offset of its end.
    pub end: usize,
}

/// All of a text, by place; a stretch is claimed by one kind only. Linear in the text.
pub fn pii(text: &str) -> Vec<PiiSpan> {
    let mut spans: Vec<PiiSpan> = Vec::new();
    if !text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@' || byte == b'-') {
        return spans;
    }
    for (kind, pattern) in PATTERNS.iter() {
        let n_claimed = spans.len();
        let mut next = 0;
        let holds = |found: &regex::Match<'_>| {
            kind.holds(found.as_str()) && kind.stands_alone(text, found.start(), found.end())
        };
        for found in pattern.find_iter(text).filter(holds) {
            // Spans of earlier kinds are sorted, and so are the matches: one walk along both.
            while next < n_claimed && spans[next].end <= found.start() {
                next += 1;
            }
            if next == n_claimed || spans[next].start >= found.end() {
                spans.push(PiiSpan { kind: *kind, start: found.start(), end: found.end() });
            }
        }
        spans.sort_unstable_by_key(|span| span.start);
    }
    spans
}

/// What a report may show of a find: its first two characters and its length.
pub fn masked(found: &str) -> String {
    let n_chars = found.chars().count();
    found.chars().take(2).chain(std::iter::repeat_n('*', n_chars.saturating_sub(2).min(20))).collect()
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0'))
}

/// Luhn's sum: every second digit from the right doubled, digits added, divisible by ten.
fn luhn(found: &str) -> bool {
    let sum: u32 = digits(found)
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    // A run of one digit passes the sum of zeros but is nobody's card.
    sum > 0 && sum.is_multiple_of(10) && digits(found).any(|digit| Some(digit) != digits(found).next())
}

/// The first four characters moved to the end, letters as 10 to 35, remainder of 97 is 1.
fn iban(found: &str) -> bool {
    let plain: String = found.chars().filter(|c| *c != ' ').collect();
    if !(15..=34).contains(&plain.len()) {
        return false;
    }
    let (head, tail) = plain.split_at(4);
    let rest = tail.chars().chain(head.chars()).try_fold(0u32, |rest, c| {
        let value = c.to_digit(36)?;
        Some((if value < 10 { rest * 10 + value } else { rest * 100 + value }) % 97)
    });
    rest == Some(1)
}

fn is_example_host(address: &str) -> bool {
    let host = address.rsplit('@').next().unwrap_or("").to_ascii_lowercase();
    let reserved = ["example.com", "example.org", "example.net", "domain.com", "email.com"];
    reserved.contains(&host.as_str())
        || host.ends_with(".example")
        || host.ends_with(".test")
        || host.ends_with(".invalid")
}

fn is_public_address(found: &str) -> bool {
    if let Ok(address) = found.parse::<Ipv4Addr>() {
        let first = address.octets()[0];
        let is_set_aside = address.is_private() || address.is_loopback() || address.is_documentation();
        return !(is_set_aside || address.is_unspecified() || address.is_broadcast() || address.is_link_local() || first == 0 || first >= 224)
            // Four small numbers are more often a version or a section than an address.
            && address.octets().iter().any(|octet| *octet > 31);
    }
    found.parse::<Ipv6Addr>().is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<PiiKind> {
        pii(text).into_iter().map(|span| span.kind).collect()
    }

    #[test]
    fn patterns_compile() {
        assert_eq!(PATTERNS.len(), 7);
    }

    #[test]
    fn what_is_personal() {
        assert_eq!(kinds("write to jane.doe+x@mail.uni-bonn.de, please"), vec![PiiKind::Email]);
        assert_eq!(kinds("call +49 228 73-1234 or (415) 867-5309"), vec![PiiKind::Phone, PiiKind::Phone]);
        // The test number of Visa passes Luhn; DE89 3704... is the example of the IBAN registry.
        assert_eq!(kinds("4111 1111 1111 1111"), vec![PiiKind::Card]);
        assert_eq!(kinds("DE89 3704 0044 0532 0130 00"), vec![PiiKind::Iban]);
        assert_eq!(kinds("078-05-1120"), vec![PiiKind::Ssn]);
        assert_eq!(kinds("8.8.4.4 and 93.184.216.34"), vec![PiiKind::Ip]);
        assert_eq!(kinds("2001:0db8:85a3:0000:0000:8a2e:0370:7334"), vec![PiiKind::Ip]);
        assert_eq!(kinds("AKIAIOSFODNN7EXAMPLE"), vec![PiiKind::Key]);
        assert_eq!(kinds("почта: jane@mail.org, номер 078-05-1120"), vec![PiiKind::Email, PiiKind::Ssn]);
    }

    #[test]
    fn what_is_not() {
        for text in [
            "",
            "a@b",
            "user@example.com",
            "192.168.0.1",
            "127.0.0.1",
            "version 1.2.3.4",
            "4111 1111 1111 1112",
            "in 1999-2004",
            "DE89 3704 0044 0532 0130 01",
            "900-12-3456",
            "0000 0000 0000 0000",
            "3.14159265358979",
            "12:30:45",
            "555-0123",
            "№ж078-05-1120",
            "078-05-1120ж",
            "jane@mail.org請",
        ] {
            assert_eq!(kinds(text), vec![], "{text}");
        }
    }

    #[test]
    fn spans_do_not_overlap_and_masks_hide() {
        let text = "x@y.org 4111111111111111 +1 650 253 0000, ".repeat(3);
        let spans = pii(&text);
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
        assert_eq!(spans.len(), 9);
        assert_eq!(masked("jane@mail.org"), "ja***********");
        assert_eq!(masked(""), "");
    }

    #[test]
    fn a_megabyte_of_digits_is_linear() {
        assert!(pii(&"1".repeat(1 << 20)).is_empty());
        assert!(pii(&"a@".repeat(1 << 19)).is_empty());
        let _ = pii(&"12-".repeat(1 << 19));
    }
}
