//! How long a server asks to wait, in each of the notations in use.
//!
//! `Retry-After` is seconds or a date (RFC 9110, 10.2.3; dates in its three forms, 5.6.7), from some servers with
//! decimals; OpenAI's clients also know `retry-after-ms`; `x-ratelimit-reset-*` is a duration as Go prints it. A date
//! is compared with the answer's own `Date`, so that a wrong clock here does not matter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// The kinds of allowance that servers count.
const KINDS: &[&str] = &["requests", "tokens"];

/// What a server asks for that refused a request for its rate; none when it asks for nothing or for nonsense.
///
/// Where no allowance is said to be used up, the shortest reset counts: one of them must have been.
pub(crate) fn of_rate(headers: &HeaderMap) -> Option<Duration> {
    of_failure(headers).or_else(|| allowances(headers).filter_map(|(_, reset)| reset).min())
}

/// What a server asks for that failed otherwise: allowances that are not used up have no part in it.
pub(crate) fn of_failure(headers: &HeaderMap) -> Option<Duration> {
    let now = || {
        let date = text(headers, "date").and_then(http_date);
        date.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64()))
    };
    if let Some(ms) = text(headers, "retry-after-ms").and_then(number) {
        return seconds(ms / 1e3);
    }
    if let Some(value) = text(headers, "retry-after") {
        let asked = number(value).or_else(|| http_date(value).map(|at| at - now()));
        if let Some(wait) = asked.and_then(seconds) {
            return Some(wait);
        }
    }
    spent_allowance(headers)
}

/// Until all allowances that the headers call used up are whole again; none when none is, or they do not say when.
pub(crate) fn spent_allowance(headers: &HeaderMap) -> Option<Duration> {
    let spent = |(left, reset): (Option<f64>, Option<Duration>)| reset.filter(|_| left.is_some_and(|left| left <= 0.0));
    allowances(headers).filter_map(spent).max()
}

/// Whether the headers say how much is left of anything.
pub(crate) fn speaks_of_allowances(headers: &HeaderMap) -> bool {
    allowances(headers).any(|(left, _)| left.is_some())
}

/// What is left of each kind of allowance, and how long until it is whole again.
fn allowances(headers: &HeaderMap) -> impl Iterator<Item = (Option<f64>, Option<Duration>)> {
    KINDS.iter().map(|kind| {
        let said = |what: &str| text(headers, &format!("x-ratelimit-{what}-{kind}"));
        (said("remaining").and_then(number), said("reset").and_then(go_duration))
    })
}

/// A header as text; none when it is absent or no text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Seconds as a duration: what has passed already is zero; what no clock can hold is none.
fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// `6m0s`, `1h2m3.5s`, `120ms`, or a bare number of seconds.
fn go_duration(text: &str) -> Option<Duration> {
    if let Some(bare) = number(text) {
        return seconds(bare);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (amount, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number(amount)? * scale;
        rest = next;
    }
    seconds(total).filter(|_| !text.is_empty())
}

/// Seconds since 1970 of a date in any of HTTP's three forms.
fn http_date(text: &str) -> Option<f64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    // `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
    let (day, month, year, clock) = match words.as_slice() {
        [_, day, month, year, clock, "GMT" | "UTC"] => (day, month, year, clock),
        [_, month, day, clock, year] => (day, month, year, clock),
        _ => return None,
    };
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .iter()
        .position(|name| name == month)? as i64;
    let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let year = match (year.len(), year.parse::<i64>().ok()?) {
        (4, year) => year,
        (2, year) if year >= 70 => 1_900 + year,
        (2, year) => 2_000 + year,
        _ => return None,
    };
    let mut clock = clock.split(':').map(|part| part.parse::<i64>().ok().filter(|part| (0..=60).contains(part)));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    Some((days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) as f64)
}

/// Days from 1970-01-01, month from 0. Years are counted from March, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn dates_are_read_in_all_three_forms() {
        // RFC 9110, 5.6.7 gives these three for the same second; 784111777 is `date -u -d … +%s`.
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(http_date(text), Some(784_111_777.0), "{text}");
        }
        assert_eq!(http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800.0));
        for text in ["", "soon", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "-1"] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_go_prints_them() {
        let ms = |text: &str| go_duration(text).map(|wait| wait.as_millis());
        assert_eq!(ms("1s"), Some(1_000));
        assert_eq!(ms("6m0s"), Some(360_000));
        assert_eq!(ms("120ms"), Some(120));
        assert_eq!(ms("1h2m3.5s"), Some(3_723_500));
        assert_eq!(ms("0.25"), Some(250));
        for text in ["", "s", "1x", "ms1", "1s2", "inf", "9e99h", "-1s"] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn the_most_exact_header_counts() {
        let ms = |pairs: &[(&'static str, &str)]| of_rate(&headers(pairs)).map(|wait| wait.as_millis());
        assert_eq!(ms(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(ms(&[("retry-after", "0.5")]), Some(500));
        assert_eq!(ms(&[("retry-after", "1"), ("retry-after-ms", "1234")]), Some(1_234));
        assert_eq!(ms(&[("retry-after", "-3")]), Some(0));
        assert_eq!(ms(&[("retry-after", "1e300")]), None);
        assert_eq!(ms(&[("retry-after", "later"), ("x-ratelimit-reset-requests", "2s")]), Some(2_000));
        let date = [("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        assert_eq!(ms(&date), Some(3_000));
        assert_eq!(ms(&[]), None);
    }

    #[test]
    fn a_reset_counts_for_the_allowance_that_is_spent() {
        let wait = |requests_left: &str, tokens_left: &str| {
            of_rate(&headers(&[
                ("x-ratelimit-reset-requests", "6m0s"),
                ("x-ratelimit-remaining-requests", requests_left),
                ("x-ratelimit-reset-tokens", "120ms"),
                ("x-ratelimit-remaining-tokens", tokens_left),
            ]))
            .unwrap()
            .as_millis()
        };
        assert_eq!((wait("0", "5"), wait("5", "0"), wait("0", "0"), wait("5", "5")), (360_000, 120, 360_000, 120));
    }
}
