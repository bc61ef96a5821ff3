//! Full dates in a text, and whether the calendar has them.
//!
//! Four forms: 2024-02-30 (ISO 8601), 30 February 2024, February 30, 2024 and 2/30/2024. The last is possible if it is as day
//! and month or as month and day, for writers differ. A weekday before a date in words must be the date's own. Years are
//! read in the proleptic Gregorian calendar, so that older dates of the Julian one may have another weekday: weekdays are
//! judged from 1583 on. Two-digit years, and dates without one, are not read.

use regex::Regex;
use std::sync::LazyLock;

/// A date in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Byte offset of its start.
    pub start: usize,
    /// Byte offset of its end.
    pub end: usize,
    /// Whether there is such a day.
    pub is_possible: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// The first whole year of the Gregorian calendar.
const FIRST_GREGORIAN_YEAR: u32 = 1583;

/// Groups: weekday, day, month, year.
const DAY_FIRST: &str =
    r"(?-u:\b)(?:(WEEKDAY),? )?(?:the )?([0-9]{1,2})(?:st|nd|rd|th)?(?: of)? (MONTH)\.?,? ([0-9]{4})(?-u:\b)";
/// Groups: weekday, month, day, year.
const MONTH_FIRST: &str = r"(?-u:\b)(?:(WEEKDAY),? )?(MONTH)\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})(?-u:\b)";
/// Groups: year, month, day.
const ISO: &str = r"(?-u:\b)([12][0-9]{3})-([0-9]{2})-([0-9]{2})(?-u:\b)";
/// Groups: one, other, year.
const SLASHES: &str = r"(?-u:\b)([0-9]{1,2})/([0-9]{1,2})/([12][0-9]{3})(?-u:\b)";

static FORMS: LazyLock<[Regex; 4]> = LazyLock::new(|| {
    let month = "Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?";
    let weekday = "(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day";
    [DAY_FIRST, MONTH_FIRST, ISO, SLASHES].map(|form| {
        let form = form.replace("WEEKDAY", weekday).replace("MONTH", month);
        Regex::new(&form).unwrap_or_else(|_| unreachable!("the patterns are used in tests"))
    })
});

/// The full dates of a text, by form and place; a stretch is read by one form only. Linear in the text, but for
/// sorting the dates.
pub fn dates(text: &str) -> Vec<Date> {
    let mut dates: Vec<Date> = Vec::new();
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return dates;
    }
    // Stretches that earlier forms have read, by their place; those of one form never overlap.
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for (form, pattern) in FORMS.iter().enumerate() {
        let n_before = dates.len();
        for found in pattern.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            let next = taken.partition_point(|(_, end)| *end <= whole.start());
            if taken.get(next).is_some_and(|(start, _)| *start < whole.end()) {
                continue;
            }
            let group = |i: usize| found.get(i).map_or("", |group| group.as_str());
            let number = |i: usize| group(i).parse().unwrap_or(0);
            let is_possible = match form {
                0 => is_day_of(number(4), month(group(3)), number(2), group(1)),
                1 => is_day_of(number(4), month(group(2)), number(3), group(1)),
                2 => is_day(number(1), number(2), number(3)),
                _ => is_day(number(3), number(1), number(2)) || is_day(number(3), number(2), number(1)),
            };
            dates.push(Date { start: whole.start(), end: whole.end(), is_possible });
        }
        taken.extend(dates[n_before..].iter().map(|date| (date.start, date.end)));
        taken.sort_unstable();
    }
    dates
}

/// The place of the entry that a name starts with, in lower case.
fn place(name: &str, of: &[&str]) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    of.iter().position(|start| name.starts_with(start)).map(|at| at as u32)
}

/// 1 to 12; 0 for no month.
fn month(name: &str) -> u32 {
    place(name, &MONTHS).map_or(0, |at| at + 1)
}

fn is_day_of(year: u32, month: u32, day: u32, weekday: &str) -> bool {
    let named = place(weekday, &WEEKDAYS).filter(|_| year >= FIRST_GREGORIAN_YEAR);
    is_day(year, month, day) && named.is_none_or(|named| named == weekday_of(year, month, day))
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let n_days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=n_days).contains(&day)
}

/// 0 for Sunday: the day's number from the 1st of March of year 0, a Wednesday, years beginning in March.
fn weekday_of(year: u32, month: u32, day: u32) -> u32 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    (days + 3) % 7
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&str, bool)> {
        dates(text).into_iter().map(|date| (&text[date.start..date.end], date.is_possible)).collect()
    }

    #[test]
    fn dates_of_the_calendar_and_others() {
        assert_eq!(read("on 2024-02-29 and 2023-02-29"), [("2024-02-29", true), ("2023-02-29", false)]);
        let of_years = read("1900-02-29, 2000-02-29, 2024-13-01");
        assert_eq!(of_years.iter().map(|date| date.1).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(read("the 31st of April, 2020"), [("the 31st of April, 2020", false)]);
        assert_eq!(read("born June 31, 1990; died 4 July 1826"), [("4 July 1826", true), ("June 31, 1990", false)]);
        // As month and day, or as day and month.
        assert_eq!(
            read("12/31/2020 31/12/2020 13/13/2020").iter().map(|date| date.1).collect::<Vec<_>>(),
            [true, true, false]
        );
        assert_eq!(read("in 1999-2004, version 3.14, May 2020, 12345-01-02, 1/2"), []);
        assert_eq!(read(""), []);
    }

    #[test]
    fn weekdays_are_those_of_history() {
        // The moon landing was on a Sunday, the fall of the wall on a Thursday, the first of January 2000 on a Saturday.
        for (text, is_possible) in [
            ("Sunday, July 20, 1969", true),
            ("Monday, July 20, 1969", false),
            ("Thursday, 9 November 1989", true),
            ("Saturday, 1 January 2000", true),
            ("Tuesday, February 29, 2000", true),
            ("Tuesday, February 30, 2000", false),
            ("Friday, 4 July 1000", true),
        ] {
            assert_eq!(read(text), [(text, is_possible)], "{text}");
        }
    }
}
