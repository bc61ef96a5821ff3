//! The style sheet fetches nothing and its colours can be read.

use std::collections::BTreeMap;

use super::super::html::shell::STYLE;

#[test]
fn the_style_cannot_end_itself_or_fetch() {
    assert!(!STYLE.contains('<'));
    assert!(!STYLE.contains("@import") && !STYLE.contains("@font-face") && !STYLE.contains("http"));
    assert!(STYLE.match_indices("url(").all(|(at, _)| STYLE[at..].starts_with("url(#")));
    assert_eq!(STYLE.matches('{').count(), STYLE.matches('}').count());
}

/// The colours of a block of the style sheet, as red, green and blue.
fn colours(block: &str) -> BTreeMap<&str, [u8; 3]> {
    let declarations = block.split([';', '{', '}']).filter_map(|line| line.trim().split_once(": #"));
    declarations
        .map(|(name, hex)| {
            let rgb = u32::from_str_radix(&hex[..6], 16).unwrap().to_be_bytes();
            (name, [rgb[1], rgb[2], rgb[3]])
        })
        .collect()
}

/// Relative luminance, WCAG 2.2.
fn luminance(rgb: [u8; 3]) -> f64 {
    let linear = rgb.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_measured_as_wcag_does() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    // #767676 on white is WCAG's well-known border case of 4.54.
    assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.01);
}

#[test]
fn text_and_bars_stand_out_in_light_and_dark() {
    let dark = STYLE.find("prefers-color-scheme").unwrap();
    let print = STYLE.find("* { box-sizing").unwrap();
    for scheme in [&STYLE[..dark], &STYLE[dark..print]] {
        let colours = colours(scheme);
        // AA: 4.5 for text, 3 for what a drawing is read by.
        let texts = [
            ("--ink", "--paper"),
            ("--ink", "--card"),
            ("--ink", "--track"),
            ("--soft", "--paper"),
            ("--soft", "--card"),
            ("--soft", "--track"),
            ("--link", "--paper"),
            ("--kept", "--paper"),
            ("--note-ink", "--note"),
            ("--note-ink", "--card"),
            ("--bad", "--card"),
            ("--fine", "--card"),
            ("--ins-ink", "--ins"),
            ("--del-ink", "--del"),
        ];
        let drawings =
            [("--kept", "--paper"), ("--drop", "--paper"), ("--stay", "--paper"), ("--drop", "--drop-ground")];
        for (pairs, least) in [(&texts[..], 4.5), (&drawings[..], 3.0)] {
            for (front, back) in pairs {
                let found = contrast(colours[front], colours[back]);
                assert!(found >= least, "{front} on {back}: {found:.2}");
            }
        }
    }
}
