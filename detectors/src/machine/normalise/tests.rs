//! The forms, the attacks, and honest text that must not change.

use super::*;

fn normal(text: &str) -> Normalised<'_> {
    Normaliser::default().apply(text)
}

#[test]
fn the_forms_are_those_of_the_measurements() {
    // Hand calculation from the definition of N0, N1 and N2.
    let stored = "  \u{201C}It\u{2019}s  late ,\u{201D}\n\nshe said\u{2026} ``no'' \u{2013} \u{FB01}ne . End";
    assert_eq!(Level::N0.apply(stored), stored);
    assert_eq!(
        Level::N1.apply(stored),
        "\u{201C}It\u{2019}s late ,\u{201D} she said\u{2026} ``no'' \u{2013} \u{FB01}ne . End"
    );
    assert_eq!(Level::N2.apply(stored), "\"It's late,\" she said... \"no\" - fine.");
    assert_eq!((Level::N2.apply(""), Level::N2.apply("word")), ("".into(), "".into()));
    assert!(matches!(Level::N1.apply("plain text"), Cow::Borrowed(_)));
}

#[test]
fn attacked_text_is_its_normal_form() {
    let plain = "The cat sat on a mat, and the people saw its paper hat. It ate.";
    let homoglyphs: String = plain
        .chars()
        .map(|c| match c {
            'a' => '\u{0430}',
            'e' => '\u{0435}',
            'o' => '\u{043E}',
            'p' => '\u{0440}',
            'T' => '\u{0422}',
            'i' => '\u{0456}',
            c => c,
        })
        .collect();
    let result = normal(&homoglyphs);
    assert_eq!(result.text, plain);
    // T a a o a a e e o p e a p a p e a a e, counted in the sentence above, capital and small.
    assert_eq!(result.changes.n_homoglyphs, homoglyphs.chars().filter(|c| !c.is_ascii()).count());
    assert!(result.changes.attack_ratio() > 0.25);

    let zero_width: String = plain.chars().flat_map(|c| [c, '\u{200B}']).collect();
    let result = normal(&zero_width);
    assert_eq!((&*result.text, result.changes.n_invisible), (plain, plain.len()));
    assert_eq!(result.changes.attack_ratio(), 0.5);

    let spaced = plain.replace(", ", " ,\u{00A0}\u{2003} ").replace("hat. It", "hat.It");
    let result = normal(&spaced);
    assert_eq!(result.text, plain);
    assert_eq!((result.changes.n_punctuation_spaces, result.changes.n_parted_sentences), (1, 1));

    let mathematical = "\u{1D413}\u{1D421}\u{1D41E} cat";
    assert_eq!((&*normal(mathematical).text, normal(mathematical).changes.n_compatibility), ("The cat", 3));
}

#[test]
fn honest_text_of_other_scripts_keeps_its_letters() {
    for text in [
        "Съешь же ещё этих мягких французских булок.",
        "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.",
        "The TNF-α level and the word Москва stay.",
        "İstanbul'da ılık bir akşam, çağrı ve şüphe.",
        "می‌خواهم کتاب‌ها را بخوانم.",
        "क्‍ष and 👩‍👩‍👧 and ❤️ and 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}.",
        "日本語の文章です。",
    ] {
        let result = normal(text);
        assert_eq!(result.text, text);
        assert_eq!(result.changes.attack_ratio(), 0.0, "{text}");
    }
}

#[test]
fn a_normal_form_is_its_own_normal_form() {
    let hostile = [
        "",
        " ",
        "\u{200B}",
        "'''",
        "a '' b",
        "x .An",
        "ago .An .  . B",
        "\u{FE31}\u{FE31} \u{00A8}x",
        "``''``",
        "\u{0301}e",
        "p\u{0430}per\u{200D}s",
        "ab.Cd\u{200B}.Ef",
        "\u{FF07}\u{FF07}",
        "\u{1D7D8}\u{FDFA}",
    ];
    for text in hostile {
        let once = normal(text).text.into_owned();
        assert_eq!(normal(&once).text, once, "{text:?}");
    }
}

#[test]
fn a_long_line_takes_linear_time_and_counts_nothing() {
    let line = "wordy ".repeat(500_000);
    let result = normal(&line);
    assert_eq!(result.text.len(), line.len() - 1);
    assert_eq!(result.changes, Changes { n_chars: line.len(), n_spaces: 1, ..Changes::default() });
}
