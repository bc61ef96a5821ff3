//! Figures as people read them: thousands separators, units, percentages, never a share rounded to "0 %" or "100 %".
//!
//! A [`Shown`] can only be made here, so a page has no number that was formatted by hand.

/// A formatted figure: digits, signs, units; no text from data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown(String);

/// Between a number and its unit: a space that does not break.
const UNIT_SPACE: char = '\u{202f}';

/// Digits of a fraction that are worth reading.
const DIGITS: i32 = 4;

impl Shown {
    /// What is printed.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A dash, where there is no figure.
    pub(crate) fn missing() -> Self {
        Self("–".to_owned())
    }
}

/// A whole number: "1,234,567".
pub(crate) fn count(n: u64) -> Shown {
    Shown(grouped(&n.to_string()))
}

/// A whole number, or a dash.
pub(crate) fn maybe_count(n: Option<u64>) -> Shown {
    n.map_or_else(Shown::missing, count)
}

/// A difference of whole numbers with its sign: "+1,234", "−56", "0".
pub(crate) fn change(n: i64) -> Shown {
    let sign = match n.signum() {
        1 => "+",
        -1 => "−",
        _ => "",
    };
    Shown(format!("{sign}{}", grouped(&n.unsigned_abs().to_string())))
}

/// A share, 0 to 1, in percent: "14.3 %". What is not quite nothing or all says so: "< 0.1 %", "> 99.9 %".
pub(crate) fn percent(share: Option<f64>) -> Shown {
    let Some(share) = share.filter(|share| share.is_finite()) else { return Shown::missing() };
    let text = if share == 0.0 {
        "0".to_owned()
    } else if share.abs() < 0.0005 {
        "< 0.05".to_owned()
    } else if share < 1.0 && share > 0.9995 {
        "> 99.9".to_owned()
    } else {
        let rounded = format!("{:.1}", share * 100.0);
        let plain = rounded.strip_suffix(".0").unwrap_or(&rounded);
        signed(&if share.abs() >= 10.0 { grouped(plain) } else { plain.to_owned() })
    };
    Shown(format!("{text}{UNIT_SPACE}%"))
}

/// A number to four digits; whole ones in full up to 10^15: "0.0123", "1,234", "1.5e-7".
pub(crate) fn real(value: f64) -> Shown {
    if !value.is_finite() {
        return Shown::missing();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return Shown(signed(&format!("{value:.2e}")));
    }
    if value.fract() == 0.0 {
        return Shown(signed(&grouped(&format!("{value:.0}"))));
    }
    let whole_digits = if size < 1.0 { size.log10().floor() as i32 + 1 } else { size.log10() as i32 + 1 };
    let decimals = (DIGITS - whole_digits).clamp(0, 8) as usize;
    let fixed = format!("{value:.decimals$}");
    let short = if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.') } else { &fixed };
    Shown(signed(&grouped(short)))
}

/// A number to four digits, or a dash.
pub(crate) fn maybe_real(value: Option<f64>) -> Shown {
    value.map_or_else(Shown::missing, real)
}

/// A number with its sign, zero without.
pub(crate) fn signed_real(value: f64) -> Shown {
    let Shown(text) = real(value);
    Shown(if value > 0.0 { format!("+{text}") } else { text })
}

/// Bytes: "3.21 GiB".
pub(crate) fn bytes(n: u64) -> Shown {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return with_unit(&n.to_string(), "B");
    }
    let mut size = n as f64 / 1024.0;
    let mut unit = 0;
    // 1023.5 would be shown with four digits before the point.
    while size >= 1023.5 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let decimals = if size < 10.0 { 2 } else { usize::from(size < 100.0) };
    with_unit(&format!("{size:.decimals$}"), UNITS[unit])
}

/// Seconds: "240 ms", "41.2 s", "3 min 7 s", "2 h 4 min".
pub(crate) fn seconds(value: Option<f64>) -> Shown {
    let Some(value) = value.filter(|value| value.is_finite() && *value >= 0.0) else { return Shown::missing() };
    if value == 0.0 {
        return with_unit("0", "s");
    }
    if value < 0.9995 {
        let Shown(text) = real((value * 1e6).round() / 1e3);
        return with_unit(&text, "ms");
    }
    if value < 59.95 {
        return with_unit(&format!("{value:.1}"), "s");
    }
    let whole = value.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    let pair = |a: u64, unit_a: &str, b: u64, unit_b: &str| {
        let head = format!("{}{UNIT_SPACE}{unit_a}", grouped(&a.to_string()));
        Shown(if b == 0 { head } else { format!("{head} {b}{UNIT_SPACE}{unit_b}") })
    };
    if hours > 0 { pair(hours, "h", minutes, "min") } else { pair(minutes, "min", rest, "s") }
}

/// Milliseconds, shown as seconds from one second on.
pub(crate) fn milliseconds(value: Option<f64>) -> Shown {
    match value.filter(|value| value.is_finite()) {
        Some(value) if value < 1000.0 => with_unit(real(value.round()).as_str(), "ms"),
        value => seconds(value.map(|value| value / 1000.0)),
    }
}

/// Money without its currency: two decimals, four below one.
pub(crate) fn money(value: Option<f64>) -> Shown {
    match value.filter(|value| value.is_finite()) {
        None => Shown::missing(),
        Some(value) if value != 0.0 && value.abs() < 1.0 => Shown(signed(&format!("{value:.4}"))),
        Some(value) => Shown(signed(&grouped(&format!("{value:.2}")))),
    }
}

fn with_unit(number: &str, unit: &str) -> Shown {
    Shown(format!("{number}{UNIT_SPACE}{unit}"))
}

/// A true minus sign, and none before zero.
fn signed(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| !c.is_ascii_digit() || c == '0') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text.to_owned(),
    }
}

/// Commas between groups of three digits of the whole part; a sign and decimals stay as they are.
fn grouped(number: &str) -> String {
    let (sign, rest) = if let Some(rest) = number.strip_prefix('-') { ("-", rest) } else { ("", number) };
    let (whole, decimals) = rest.split_once('.').map_or((rest, None), |(whole, decimals)| (whole, Some(decimals)));
    let mut out = String::with_capacity(number.len() * 4 / 3 + 1);
    out.push_str(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(decimals) = decimals {
        out.push('.');
        out.push_str(decimals);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // All expectations by hand.

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(0).as_str(), "0");
        assert_eq!(count(999).as_str(), "999");
        assert_eq!(count(1_000).as_str(), "1,000");
        assert_eq!(count(u64::MAX).as_str(), "18,446,744,073,709,551,615");
        assert_eq!(change(-1_234).as_str(), "−1,234");
        assert_eq!(change(i64::MIN).as_str(), "−9,223,372,036,854,775,808");
        assert_eq!(change(0).as_str(), "0");
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_all() {
        let shown = |share: f64| percent(Some(share)).as_str().replace('\u{202f}', " ");
        assert_eq!(shown(0.0), "0 %");
        assert_eq!(shown(1.0), "100 %");
        assert_eq!(shown(0.1427), "14.3 %");
        assert_eq!(shown(0.5), "50 %");
        assert_eq!(shown(0.000_000_1), "< 0.05 %");
        assert_eq!(shown(0.999_999), "> 99.9 %");
        assert_eq!(shown(123.456), "12,345.6 %");
        assert_eq!(percent(None).as_str(), "–");
        assert_eq!(percent(Some(f64::NAN)).as_str(), "–");
    }

    #[test]
    fn reals_keep_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.012_345, "0.01235"),
            (0.5, "0.5"),
            (2.345_67, "2.346"),
            (12.5, "12.5"),
            (1234.56, "1,235"),
            (100_000.0, "100,000"),
            (-0.25, "−0.25"),
            (1.5e-7, "1.50e-7"),
            (9.99e18, "9.99e18"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(real(value).as_str(), text, "{value}");
        }
    }

    #[test]
    fn units_follow_the_size() {
        let plain = |shown: Shown| shown.as_str().replace('\u{202f}', " ");
        assert_eq!(plain(bytes(0)), "0 B");
        assert_eq!(plain(bytes(1024)), "1.00 KiB");
        assert_eq!(plain(bytes(1_048_575)), "1.00 MiB");
        assert_eq!(plain(bytes(u64::MAX)), "16.0 EiB");
        assert_eq!(plain(seconds(Some(0.0417))), "41.7 ms");
        assert_eq!(plain(seconds(Some(41.23))), "41.2 s");
        assert_eq!(plain(seconds(Some(59.96))), "1 min");
        assert_eq!(plain(seconds(Some(187.0))), "3 min 7 s");
        assert_eq!(plain(seconds(Some(7440.4))), "2 h 4 min");
        assert_eq!(plain(seconds(Some(-1.0))), "–");
        assert_eq!(plain(milliseconds(Some(812.4))), "812 ms");
        assert_eq!(plain(milliseconds(Some(2400.0))), "2.4 s");
        assert_eq!(plain(money(Some(1204.3))), "1,204.30");
        assert_eq!(plain(money(Some(0.0312))), "0.0312");
        assert_eq!(plain(money(Some(-0.000_01))), "0.0000");
    }
}
