//! Answers that no server should give: every score has a finite value or a reason.

use super::*;

/// All scores of a text that is everything at once: text, second worker, copies and continuations.
fn all(scored: &Scored, params: &ScoreParams) -> Vec<(&'static str, Outcome)> {
    let copies = [scored.clone(), plain(&[-1.0, -2.0]), scored.clone()];
    let words: String = scored.tokens.iter().map(|token| format!("{} ", token.token)).collect();
    let evidence = Evidence {
        scored: Some(scored),
        second: Some(scored),
        perturbed: &copies,
        remainder: Some(&words),
        continuations: &[words.clone(), String::new()],
        scored_continuations: &copies,
        seed: 7,
    };
    SCORES.iter().map(|score| (score.name, (score.measure)(&evidence, params))).collect()
}

fn finite(measured: &Measured) -> bool {
    let bounds = match measured.basis {
        Basis::Exact => (0.0, 0.0),
        Basis::GeometricTail { estimated_ratio, bounds } => {
            assert!((0.0..=1.0).contains(&estimated_ratio));
            bounds.unwrap_or_default()
        }
    };
    measured.value.is_finite() && bounds.0.is_finite() && bounds.1.is_finite()
}

#[test]
fn nothing_and_too_little_abstain() {
    let one = plain(&[-1.0]);
    let params = ScoreParams::default();
    for scored in [plain(&[]), one, cut(&drawn(1, 49, 30), 5)] {
        for (name, outcome) in all(&scored, &params) {
            let found = scored.tokens.len();
            assert_eq!(outcome, Err(Abstain::TooShort { found, least: 50 }), "{name}");
        }
    }
    assert!(all(&drawn(1, 50, 30), &params).iter().any(|(name, outcome)| *name == "lrr" && outcome.is_ok()));
    // 0 asks for one token all the same.
    let none = ScoreParams { min_tokens: 0, ..params };
    assert!(all(&plain(&[]), &none).iter().all(|(_, outcome)| outcome.is_err()));
}

#[test]
fn a_text_without_log_probabilities_says_so() {
    let mut scored = drawn(2, 60, 20);
    scored.tokens.iter_mut().for_each(|token| token.logprob = None);
    for (name, outcome) in all(&scored, &ScoreParams::default()) {
        if name != "dna_gpt_b" {
            assert_eq!(outcome, Err(Abstain::Missing(Need::Logprob)), "{name}");
        }
    }
}

#[test]
fn the_first_token_may_be_unscored() {
    let params = ScoreParams::default();
    let mut scored = drawn(2, 61, 20);
    let rest = text(scored.tokens[1..].to_vec(), true);
    (scored.tokens[0].logprob, scored.tokens[0].top) = (None, Vec::new());
    for ((name, with), (_, without)) in all(&scored, &params).into_iter().zip(all(&rest, &params)) {
        if name != "dna_gpt_b" {
            assert_eq!(with, without, "{name}");
        }
    }
}

#[test]
fn a_log_probability_that_cannot_be_one_is_left_out() {
    let params = ScoreParams::default();
    let without = drawn(4, 60, 20);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.5] {
        let mut with = without.clone();
        with.tokens.insert(9, TokenScore { logprob: Some(bad), ..without.tokens[3].clone() });
        for ((name, with), (_, without)) in all(&with, &params).into_iter().zip(all(&without, &params)) {
            if name != "dna_gpt_b" {
                assert_eq!(with, without, "{name}");
            }
        }
    }
    // In a distribution too.
    let mut bad = cut(&without, 5);
    bad.tokens.iter_mut().for_each(|token| token.top.push(("bad".into(), f64::NEG_INFINITY)));
    assert_eq!(all(&bad, &params), all(&cut(&without, 5), &params));
}

#[test]
fn a_server_that_echoes_is_refused() {
    // llama.cpp's way of answering `echo`: every score 0.
    for (name, outcome) in all(&plain(&[0.0; 60]), &ScoreParams::default()) {
        if name != "dna_gpt_b" {
            assert_eq!(outcome, Err(Abstain::Silent), "{name}");
        }
    }
}

#[test]
fn no_spread_is_no_score() {
    let reason = |outcome: Outcome| matches!(outcome, Err(Abstain::NoSpread(_)));
    assert!(reason(burstiness(&plain(&[-1.5; 60]), &ScoreParams::default())));
    assert!(reason(burstiness(&plain(&[-0.1; 60]), &ScoreParams::default())));
    let firsts = ranked(&[1; 60]);
    assert!(reason(lrr(&firsts, &ScoreParams::default())));
    assert!(reason(npr(&firsts, &[ranked(&[2; 60])], &ScoreParams::default())));
    assert!(reason(detect_gpt(&firsts, &[firsts.clone(), firsts.clone()], &ScoreParams::default())));
    assert!(reason(detect_gpt(&firsts, &[plain(&[-3.0; 60])], &ScoreParams::default())));
    // One token certain everywhere, another written.
    let mut sure = position("a", &[("a", 1.0)]);
    (sure.token, sure.logprob) = ("b".into(), Some(-20.0));
    let sure = text(vec![sure; 60], true);
    let params = ScoreParams::default();
    assert!(reason(fast_detect_gpt(&sure, None, &params)) && reason(binoculars(&sure, &sure, &params)));
    assert!(reason(fast_detect_gpt_sampled(&sure, None, 1, &params)));
    assert!(reason(fast_detect_gpt_sampled(&q(), None, 1, &ScoreParams { n_draws: 1, ..tiny() })));
    assert!(reason(fast_detect_gpt_sampled(&q(), None, 1, &ScoreParams { n_draws: 0, ..tiny() })));
}

#[test]
fn two_tokenizers_are_told() {
    let mut other = p();
    other.tokens[1].token = "cc".into();
    assert_eq!(binoculars(&q(), &other, &tiny()), Err(Abstain::Tokens { at: 1 }));
    other.tokens.truncate(1);
    assert_eq!(fast_detect_gpt(&q(), Some(&other), &tiny()), Err(Abstain::Tokens { at: 1 }));
    assert!(!Abstain::Tokens { at: 1 }.to_string().is_empty());
}

#[test]
fn missing_ranks_are_not_left_out() {
    // Without alternatives a rank is not known, and the mean of the others would be a lie.
    let mut scored = ranked(&[1; 60]);
    scored.tokens[30].rank = None;
    assert_eq!(rank(&scored, &ScoreParams::default()), Err(Abstain::Missing(Need::Rank)));
}

#[test]
fn broken_numbers_never_become_a_number() {
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 3.0, -1e308, f64::MIN, -9_999.0, -0.0, f64::MIN_POSITIVE];
    for (i, a) in bad.iter().enumerate() {
        for b in bad {
            let mut scored = cut(&drawn(i as u64, 60, 30), 6);
            for (n, token) in scored.tokens.iter_mut().enumerate() {
                if n % 3 == 0 {
                    token.logprob = Some(*a);
                }
                token.top[5 - n % 2].1 = *a;
                token.top[n % 4].1 = b;
                token.entropy = (n % 5 == 0).then_some(b);
            }
            for n_ranks in [0, 3, 1_000] {
                for max_vocabulary in [0, 262_144] {
                    let params = ScoreParams { n_ranks, max_vocabulary, min_tokens: 2, n_draws: 20, ..tiny() };
                    for (name, outcome) in all(&scored, &params) {
                        assert!(outcome.as_ref().map_or(true, finite), "{name} {a} {b}: {outcome:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn any_text_has_an_overlap() {
    let long = "word ".repeat(300_000);
    for text in ["", " ", "🦀🦀", "مرحبا بالعالم", "\u{0}", &"x".repeat(1_000_000), &long] {
        let outcome = dna_gpt_b(text, &[text.to_owned()], &tiny());
        assert!(outcome.as_ref().map_or(true, finite), "{outcome:?}");
    }
    let backwards = ScoreParams { min_gram_words: 30, max_gram_words: 3, ..tiny() };
    assert_eq!(value(dna_gpt_b("a b c d e", &["a b c d e".into()], &backwards)), 0.0);
}
