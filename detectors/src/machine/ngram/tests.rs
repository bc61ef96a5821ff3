//! The head as users see it: it learns, explains, survives a file, and is the same every time.

use super::*;

fn two_sides() -> (Vec<String>, Vec<bool>) {
    let human =
        ["well i dunno, it rained", "we saw him yesterday, odd", "no idea who did it then", "i guess we're late"];
    let machine = [
        "It is important to note that rain fell",
        "Moreover, it is important to consider timing",
        "Overall, this is important to many people",
        "It is worth noting that this is important",
    ];
    let texts = human.iter().chain(&machine).map(|t| (*t).to_owned()).collect();
    (texts, [[false; 4], [true; 4]].concat())
}

fn fitted(params: NgramParams) -> Ngram {
    let (texts, labels) = two_sides();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ngram::fit(&texts, &labels, params).unwrap()
}

#[test]
fn learns_phrases_and_names_them() {
    let model = fitted(NgramParams::default());
    assert!(model.score("it is important to say so") > 0.0);
    assert!(model.score("i dunno who saw him") < 0.0);
    let words = NgramParams { grams: GramParams { char_max: 0, ..Default::default() }, ..Default::default() };
    let shares = fitted(words).explain("She said it is important today", 3);
    assert!(shares.iter().any(|s| s.gram.contains("important") && s.share > 0.0), "{shares:?}");
}

#[test]
fn shares_add_up_to_the_score() {
    for signed in [false, true] {
        let grams = GramParams { signed, char_bits: 9, word_bits: 8, ..Default::default() };
        let model = fitted(NgramParams { grams, ..Default::default() });
        for text in ["It is important to note that we saw him", "x", ""] {
            let sum: f64 = model.explain(text, usize::MAX).iter().map(|s| s.share).sum();
            assert!((sum + f64::from(model.bias) - model.score(text)).abs() < 1e-5, "{text}");
        }
    }
}

#[test]
fn a_saved_head_scores_the_same_and_is_small() {
    let model = fitted(NgramParams::default());
    let bytes = model.to_bytes();
    assert!(bytes.len() <= 200_000, "{}", bytes.len());
    let loaded = Ngram::from_bytes(&bytes).unwrap();
    assert_eq!(loaded, model);
    assert_eq!(loaded.score("it is what it is").to_bits(), model.score("it is what it is").to_bits());
    assert_eq!(fitted(NgramParams::default()).to_bytes(), bytes);
}

#[test]
fn damaged_bytes_are_told_apart() {
    let bytes = fitted(NgramParams::default()).to_bytes();
    let with = |at: usize, byte: u8| {
        let mut damaged = bytes.clone();
        damaged[at] = byte;
        Ngram::from_bytes(&damaged).unwrap_err()
    };
    assert_eq!(Ngram::from_bytes(b"PK\x03\x04 and so on"), Err(BadNgramBytes::Magic));
    assert_eq!(Ngram::from_bytes(b"GM"), Err(BadNgramBytes::Magic));
    assert_eq!(with(4, 2), BadNgramBytes::Version(2));
    assert_eq!(with(8, 60), BadNgramBytes::Header);
    let mut infinite = bytes.clone();
    infinite[12..16].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert_eq!(Ngram::from_bytes(&infinite), Err(BadNgramBytes::Header));
    assert!(matches!(with(8, 15), BadNgramBytes::Size { .. }));
    assert!(matches!(Ngram::from_bytes(&bytes[..bytes.len() - 1]), Err(BadNgramBytes::Size { .. })));
    assert!(matches!(Ngram::from_bytes(&bytes[..10]), Err(BadNgramBytes::Size { .. })));
}

#[test]
fn weights_lose_little_in_a_byte() {
    let weights = [1.0, -1.0, 0.1, -0.01, 0.001, 0.0];
    let (largest, packed) = codec::pack_weights(&weights);
    for (weight, unpacked) in weights.iter().zip(codec::unpack_weights(largest, &packed)) {
        // Steps of the root are 1/127, so a weight w is off by at most sqrt(w) / 127 and a little.
        assert!((weight - f64::from(unpacked)).abs() <= weight.abs().sqrt() / 127.0 + 2e-5);
    }
}

#[test]
fn hostile_text_is_scored() {
    let model = fitted(NgramParams::default());
    let long = "a".repeat(1_000_000);
    for text in ["", "👩‍👩‍👧", "\u{0}", "שלום עולם", &long] {
        assert!(model.score(text).is_finite());
    }
}
