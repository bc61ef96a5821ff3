//! From a page's bytes to text: which character set, and decoding.
//!
//! Source: WHATWG Encoding (labels, decoders, by `encoding_rs`), WHATWG HTML 13.2.3 (order of evidence). The order is: byte
//! order mark, HTTP header, `<meta>` within the first 2 KiB (HTML says 1 KiB; pages exceed it), valid UTF-8, then what
//! `chardetng` guesses. We differ from browsers in two points. UTF-8 may be guessed: that ban protects the web's authors from
//! themselves, not us. And a declared set other than UTF-8 that does not fit the bytes gives way to UTF-8 where that fits.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use super::fields::is;
use super::meta::{Meta, Metas};

/// Where a `<meta>` must end to count.
const PRESCAN_BYTES: usize = 2048;

/// A text and how it was decoded.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    /// The text, without a byte order mark. Borrowed where the bytes were UTF-8.
    pub(super) text: Cow<'a, str>,
    /// Name of the encoding, as in the WHATWG standard.
    pub(super) charset: &'static str,
    /// Whether bytes did not fit the encoding and became U+FFFD.
    pub(super) had_errors: bool,
}

/// Decodes a page. `content_type` is the header's value, `host` helps the guess.
///
/// # Errors
/// When the declared character set is one that no browser decodes (WHATWG's `replacement`).
pub(super) fn decode<'a>(bytes: &'a [u8], content_type: &str, html: bool, url: &str) -> Result<Decoded<'a>, String> {
    if let Some((encoding, n)) = Encoding::for_bom(bytes) {
        return Ok(with(encoding, &bytes[n..]));
    }
    let header = charset_of(content_type.as_bytes());
    let declared = header.and_then(Encoding::for_label).or_else(|| html.then(|| prescan(bytes)).flatten());
    if declared == Some(REPLACEMENT) {
        let label = header.map_or(Cow::Borrowed("of <meta>"), String::from_utf8_lossy);
        return Err(format!("the character set {label:.40} is not decoded by any browser"));
    }
    if let Some(encoding) = declared {
        let decoded = with(encoding, bytes);
        if !decoded.had_errors || encoding == UTF_8 || std::str::from_utf8(bytes).is_err() {
            return Ok(decoded);
        }
        return Ok(with(UTF_8, bytes));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Decoded { text: Cow::Borrowed(text), charset: UTF_8.name(), had_errors: false });
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    Ok(with(detector.guess(top_domain(url), Utf8Detection::Allow), bytes))
}

fn with<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Decoded<'a> {
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    Decoded { text, charset: encoding.name(), had_errors }
}

/// The encoding that a `<meta>` tag declares.
fn prescan(bytes: &[u8]) -> Option<&'static Encoding> {
    let encoding = Metas::of(&bytes[..bytes.len().min(PRESCAN_BYTES)]).find_map(|meta| declared(&meta))?;
    // A tag that could be read as bytes cannot be in UTF-16.
    Some(match encoding {
        _ if encoding == UTF_16BE || encoding == UTF_16LE => UTF_8,
        _ if encoding == X_USER_DEFINED => WINDOWS_1252,
        _ => encoding,
    })
}

fn declared(meta: &Meta<'_>) -> Option<&'static Encoding> {
    let label = if meta.charset.is_empty() && is(meta.http_equiv, "content-type") {
        charset_of(meta.content)?
    } else {
        meta.charset
    };
    Encoding::for_label(label)
}

/// The label behind `charset=` in `text/html; charset="utf-8"`.
fn charset_of(content_type: &[u8]) -> Option<&[u8]> {
    let mut rest = content_type;
    loop {
        let n = memchr::memchr2_iter(b'c', b'C', rest)
            .find(|&n| rest.get(n..n + 7).is_some_and(|word| is(word, "charset")))?;
        rest = rest[n + 7..].trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b"=") {
            let value = value.trim_ascii_start();
            let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b';' | b',' | b'"' | b'\'');
            let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
            return value.split(ends).next();
        }
    }
}

/// The rightmost label of the host, as `chardetng` wants it: it panics at anything but lower-case ASCII.
fn top_domain(url: &str) -> Option<&[u8]> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host.rsplit('@').next()?.split(':').next()?;
    let label = host.trim_end_matches('.').rsplit('.').next()?.as_bytes();
    let plain = label.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
    (plain && label.first().is_some_and(u8::is_ascii_lowercase)).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], content_type: &str) -> (String, &'static str) {
        let decoded = decode(bytes, content_type, true, "http://example.org/").unwrap();
        (decoded.text.into_owned(), decoded.charset)
    }

    #[test]
    fn evidence_counts_in_order() {
        let meta = b"<meta charset=windows-1251>\xcf";
        assert_eq!(decoded(b"\xef\xbb\xbfa", "text/html; charset=windows-1251"), ("a".into(), "UTF-8"));
        assert_eq!(decoded(meta, "text/html; Charset = \"koi8-r\" ").1, "KOI8-R");
        assert_eq!(
            decoded(meta, "text/html; charset=nonsense"),
            ("<meta charset=windows-1251>П".into(), "windows-1251")
        );
        assert_eq!(decoded("für".as_bytes(), "text/html"), ("für".into(), "UTF-8"));
        let old = b"<meta http-equiv='Content-Type' content='text/html; charset=iso-8859-2'>\xb1";
        assert_eq!(decoded(old, "").0.chars().last(), Some('ą'));
        assert_eq!(decoded(b"<meta charset=utf-16>a", "").1, "UTF-8");
        assert_eq!(decoded(b"\xff\xfea\0", "text/html; charset=utf-8"), ("a".into(), "UTF-16LE"));
    }

    #[test]
    fn undeclared_sets_are_guessed_and_misdeclared_utf8_is_seen() {
        // "Привет, как дела" in windows-1251.
        let bytes = b"\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0";
        assert_eq!(decoded(bytes, ""), ("Привет, как дела".into(), "windows-1251"));
        assert_eq!(decoded("日本語".as_bytes(), "text/html; charset=shift_jis").0, "日本語");
    }

    #[test]
    fn a_set_that_nobody_decodes_is_an_error() {
        assert!(decode(b"abc", "text/html; charset=iso-2022-kr", true, "").is_err());
    }

    #[test]
    fn hosts_that_would_make_the_detector_panic_are_not_given_to_it() {
        assert_eq!(top_domain("http://Example.ORG/x"), None);
        assert_eq!(top_domain("http://user@www.example.de:80/x.y"), Some(&b"de"[..]));
        assert_eq!(top_domain("http://127.0.0.1/"), None);
        assert_eq!(top_domain("dns:example.org"), None);
    }
}
