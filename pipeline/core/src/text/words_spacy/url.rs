//! The URL shape of spaCy's tokenizer: a chunk of this shape stays whole.
//!
//! The original is one regular expression with unbounded backtracking. No part of it can match across the marks that
//! end its host, so a host either starts at the front, after a scheme or after an `@`, and ends where its alphabet
//! does; that makes the test linear.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::rules::{LOWER, class_of};

/// Whether the whole chunk is a URL, a host with a path, or a mail address.
pub(super) fn is_url(chunk: &str) -> bool {
    if memchr::memchr(b'.', chunk.as_bytes()).is_none() {
        return false;
    }
    starts_with_host_to_end(chunk)
        || after_scheme(chunk).is_some_and(starts_with_host_to_end)
        || memchr::memchr_iter(b'@', chunk.as_bytes()).any(|at| at > 0 && starts_with_host_to_end(&chunk[at + 1..]))
}

/// What follows `scheme://`.
fn after_scheme(chunk: &str) -> Option<&str> {
    let end = chunk.find(|c: char| !is_scheme_char(c))?;
    let n_chars = chunk[..end].chars().take(2).count();
    chunk[end..].strip_prefix("://").filter(|_| n_chars == 2)
}

fn is_scheme_char(c: char) -> bool {
    match c {
        '+' | '-' | '.' | '_' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number),
    }
}

/// Whether `rest` is a host, then perhaps a port and a path, and nothing else.
fn starts_with_host_to_end(rest: &str) -> bool {
    let end = rest.find(|c: char| !is_host_char(c)).unwrap_or(rest.len());
    is_tail(&rest[end..]) && (is_domain(&rest[..end]) || is_public_ip(&rest[..end]))
}

fn is_host_char(c: char) -> bool {
    is_label_end(c) || matches!(c, '.' | '-' | '_') || class_of(c) & LOWER != 0 || is_digit(c)
}

/// A character that a label may begin and end with.
fn is_label_end(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{a1}'..='\u{ffff}')
}

/// Nothing, or a port of two to five digits, a path, or both.
fn is_tail(tail: &str) -> bool {
    let path = match tail.strip_prefix(':') {
        None => tail,
        Some(port) => {
            let path = port.trim_start_matches(is_digit);
            let n_digits = port[..port.len() - path.len()].chars().take(6).count();
            if !(2..=5).contains(&n_digits) {
                return false;
            }
            path
        }
    };
    path.is_empty() || path.starts_with(['/', '?', '#'])
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.general_category() == GeneralCategory::DecimalNumber)
}

/// Labels of at most 64 characters, then a top-level domain of 2 to 63 lower-case letters.
fn is_domain(host: &str) -> bool {
    let Some((labels, top)) = host.rsplit_once('.') else { return false };
    (2..=63).contains(&top.chars().take(64).count())
        && top.chars().all(|c| class_of(c) & LOWER != 0)
        && labels.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    label.starts_with(is_label_end)
        && label.ends_with(is_label_end)
        && label.chars().all(|c| is_label_end(c) || matches!(c, '-' | '_'))
        && label.chars().take(65).count() <= 64
}

/// Four octets that are no private, loop-back, network or broadcast address.
fn is_public_ip(host: &str) -> bool {
    let mut octets = host.splitn(5, '.');
    let (Some(a), Some(b), Some(c), Some(d), None) =
        (octets.next(), octets.next(), octets.next(), octets.next(), octets.next())
    else {
        return false;
    };
    let is_private = match (a, b) {
        ("10" | "127", _) | ("169", "254") | ("192", "168") | ("172", "30" | "31") => true,
        ("172", "16" | "17" | "18" | "19") => true,
        ("172", b) => b.starts_with('2') && b.chars().count() == 2,
        _ => false,
    };
    !is_private
        && is_octet(a, '1', ('2', '3'))
        && is_octet(b, '0', ('5', '5'))
        && is_octet(c, '0', ('5', '5'))
        && is_octet(d, '1', ('5', '4'))
}

/// A number of one to three digits: `min` or more in front of a short one; a long one is at most 2 and the two digits
/// of `max`. Digits of other scripts count where the expression says `\d`.
fn is_octet(octet: &str, min: char, max: (char, char)) -> bool {
    let mut chars = octet.chars();
    match (chars.next(), chars.next(), chars.next(), chars.next()) {
        (Some(a), None, ..) => is_digit_from(a, min),
        (Some(a), Some(b), None, _) => is_digit_from(a, min) && is_digit(b),
        (Some('1'), Some(b), Some(c), None) => is_digit(b) && is_digit(c),
        (Some('2'), Some(b), Some(c), None) => {
            (b == max.0 && ('0'..=max.1).contains(&c)) || (('0'..max.0).contains(&b) && is_digit(c))
        }
        _ => false,
    }
}

/// A number may start with a digit of any script only where it may start with a zero.
fn is_digit_from(c: char, min: char) -> bool {
    (min..='9').contains(&c) || (min == '0' && is_digit(c))
}

#[cfg(test)]
mod tests {
    use super::is_url;

    #[test]
    fn shapes() {
        // Expectations: url_match of spaCy 3.8.18.
        for (chunk, expected) in [
            ("example.com", true),
            ("www.example.com/a?b", true),
            ("http://a.b", false),
            ("http://example.com:8080/x", true),
            ("http://example.com:8/x", false),
            ("mail@example.org", true),
            ("@example.org", false),
            ("a.B", false),
            ("x_y.com", true),
            ("-a.com", false),
            ("_a.com", false),
            ("a_.com", false),
            ("8.8.8.8", true),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("224.1.1.1", false),
            ("8.8.8.0", false),
            ("8.8.8.255", false),
            ("08.8.8.8", false),
            ("8.08.8.8", true),
            ("8.008.8.8", false),
            ("8.8.8.8:80/", true),
            ("h://a.bc", false),
            ("ht://a.bc", true),
            ("münchen.de", true),
            ("a.中国", true),
            ("a..com", false),
            ("a.com,b", false),
            ("u:p@h.com", true),
            ("foo@8.8.8.8", true),
            ("8.8.8.8.8", false),
            ("8.00.8.8", true),
            ("8.000.8.8", false),
            ("8.256.8.8", false),
            ("8.8.8.00", false),
            ("8.8.8.01", false),
            ("99.1.2.3", true),
            ("199.99.1.254", true),
            ("http://", false),
            ("a.c", false),
            ("٨.8.8.8", false),
            ("8.8.8.8:٨٨", true),
        ] {
            assert_eq!(is_url(chunk), expected, "{chunk}");
        }
        // A label has at most 64 characters, a top-level domain 63.
        assert!(is_url(&format!("{}.com", "a".repeat(64))));
        assert!(!is_url(&format!("{}.com", "a".repeat(65))));
        assert!(is_url(&format!("a.{}", "b".repeat(63))));
        assert!(!is_url(&format!("a.{}", "b".repeat(64))));
    }

    #[test]
    fn a_long_chunk_takes_linear_time() {
        assert!(!is_url(&"a@b.c/".repeat(500_000)));
        assert!(!is_url(&"a.".repeat(1_000_000)));
    }
}
