//! Measures against public implementations, on word numbers that both sides make from the same recurrence.

use crate::artifact::measure::{bleu, compression, lexical};

/// x <- (1103515245 x + 12345) mod 2^31, word = floor(k (x / 2^31)^2).
fn sequence(n: usize, k: f64, seed: u64) -> Vec<u32> {
    let mut x = seed;
    (0..n)
        .map(|_| {
            x = (x * 1_103_515_245 + 12_345) % (1 << 31);
            let unit = x as f64 / f64::from(1u32 << 31);
            (k * unit * unit) as u32
        })
        .collect()
}

#[test]
fn lexical_diversity_is_that_of_lexicalrichness() {
    // lexicalrichness 0.5.1: mtld(0.72), hdd(42), yulek.
    for (n, k, seed, mtld, hdd, yule) in [
        (300, 200.0, 1, 74.577_362_996_480_64, 0.839_360_325_482_099_4, 100.222_222_222_2),
        (1000, 400.0, 7, 179.836_750_558_740_65, 0.900_396_010_165_252_8, 63.94),
        (60, 40.0, 3, 12.885_245_901_639_344, 0.500_750_852_131_154_9, 555.555_555_555_6),
    ] {
        let words = sequence(n, k, seed);
        assert!((lexical::mtld(&words, 0.72) - mtld).abs() < 1e-6, "{n}: {}", lexical::mtld(&words, 0.72));
        assert!((lexical::hdd(&words, 42).unwrap() - hdd).abs() < 1e-9, "{n}");
        assert!((lexical::yule_k(&words).unwrap() - yule).abs() < 1e-6, "{n}");
    }
}

#[test]
fn self_bleu_is_that_of_nltk() {
    // nltk 3.10.4 sentence_bleu, smoothing method 2, each text against the others, averaged.
    let alike: Vec<Vec<u32>> = (1..7).map(|seed| sequence(40, 30.0, seed)).collect();
    let of = |texts: &[Vec<u32>]| bleu::self_bleu(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    assert!((of(&alike) - 0.148_017_876_885_823_55).abs() < 1e-9, "{}", of(&alike));
    let lengths: Vec<Vec<u32>> = (1..7).map(|seed| sequence(20 + 5 * seed as usize, 15.0, seed)).collect();
    assert!((of(&lengths) - 0.284_204_145_192_744_1).abs() < 1e-9, "{}", of(&lengths));
}

#[test]
fn compression_is_near_that_of_gzip() {
    // python gzip level 9 of the same lines in their order gives 2.4529; deflate encoders and the order differ a little.
    let lines: Vec<String> = (1..21)
        .map(|seed| sequence(200, 100.0, seed).iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
        .collect();
    let ratio = compression::compression_ratio(lines.iter().map(String::as_str)).unwrap();
    assert!((ratio - 2.452_920_962).abs() < 0.01 * ratio, "{ratio}");
}
