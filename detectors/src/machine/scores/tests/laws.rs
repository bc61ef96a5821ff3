//! What must hold whatever the text: identities between scores, bounds, and the table.

use super::*;

#[test]
fn binoculars_is_the_curvature_as_a_ratio() {
    // D = mean(ln q(x) - mu), X = -mean mu: B = 1 - D / X. D from the curvature and the spread, which both have.
    for seed in 0..8 {
        let (q, p) = (drawn(seed, 60, 40), same_text(&drawn(seed, 60, 40), seed + 100));
        let params = ScoreParams::default();
        let b = -value(binoculars(&q, &p, &params));
        let ll = value(log_likelihood(&q, &params));
        let x = -ll / b;
        let variance: f64 = (0..60).map(|i| spread(&q.tokens[i], &p.tokens[i])).sum();
        let d = value(fast_detect_gpt(&q, Some(&p), &params)) * variance.sqrt() / 60.0;
        assert!((b - (1.0 - d / x)).abs() < 1e-9);
    }
}

/// The text of `scored` under another model.
fn same_text(scored: &Scored, seed: u64) -> Scored {
    let mut other = drawn(seed, scored.tokens.len(), scored.tokens[0].top.len());
    for (token, same) in other.tokens.iter_mut().zip(&scored.tokens) {
        token.token.clone_from(&same.token);
        token.logprob = token.top.iter().find(|(text, _)| *text == same.token).map(|(_, logprob)| *logprob);
    }
    other
}

/// Variance of ln q under p, token by token.
fn spread(q: &TokenScore, p: &TokenScore) -> f64 {
    let ln_q = |text: &str| q.top.iter().find(|(other, _)| other == text).unwrap().1;
    let moment = |power: i32| -> f64 { p.top.iter().map(|(text, ln_p)| ln_p.exp() * ln_q(text).powi(power)).sum() };
    moment(2) - moment(1).powi(2)
}

#[test]
fn under_itself_a_model_expects_its_entropy() {
    for seed in 0..8 {
        let params = ScoreParams::default();
        let whole = drawn(seed, 60, 40);
        for scored in [whole.clone(), cut(&whole, 5)] {
            // mu = -H: B = LL / -H.
            let ratio = value(log_likelihood(&scored, &params)) / value(entropy(&scored, &params));
            assert!((value(binoculars(&scored, &scored, &params)) + ratio).abs() < 1e-9);
            // Two workers that are the same say what one says.
            let (one, two) =
                (fast_detect_gpt(&scored, None, &params), fast_detect_gpt(&scored, Some(&scored), &params));
            assert!((value(one) - value(two)).abs() < 1e-9);
        }
    }
}

/// Whether value and truth lie within what a score says of itself; nothing is said where the spread may be none at all.
fn holds(truth: f64, guess: &Measured) -> bool {
    let (low, high) = match guess.basis {
        Basis::Exact => (guess.value, guess.value),
        Basis::GeometricTail { bounds: Some(bounds), .. } => bounds,
        Basis::GeometricTail { bounds: None, .. } => return true,
    };
    let slack = 1e-9 * (1.0 + truth.abs());
    [truth, guess.value].iter().all(|value| low <= value + slack && *value <= high + slack)
}

/// The text made of the likeliest token, or the 30th, at each position.
fn chosen(scored: &Scored, place: usize) -> Scored {
    let mut scored = scored.clone();
    for token in &mut scored.tokens {
        (token.token, token.logprob) = (token.top[place].0.clone(), Some(token.top[place].1));
    }
    scored
}

#[test]
fn the_truth_lies_within_the_bounds_of_what_was_given() {
    type Function = fn(&Scored, &ScoreParams) -> Outcome;
    let curvature: Function = |scored, params| fast_detect_gpt(scored, None, params);
    let functions: [Function; 6] = [entropy, rank, log_rank, lrr, gltr, curvature];
    for seed in 0..6 {
        let whole = drawn(seed, 60, 300);
        for whole in [whole.clone(), chosen(&whole, 0), chosen(&whole, 30)] {
            for k in [1, 2, 5, 20, 250] {
                // The bounds of the second round know that the vocabulary has 300.
                for max_vocabulary in [262_144, 300] {
                    let params = ScoreParams { n_ranks: 300, max_vocabulary, ..ScoreParams::default() };
                    for function in functions {
                        let (Ok(truth), Ok(guess)) = (function(&whole, &params), function(&cut(&whole, k), &params))
                        else {
                            continue;
                        };
                        assert!(holds(truth.value, &guess), "{k} of {}: {guess:?}", truth.value);
                    }
                }
            }
        }
    }
}

#[test]
fn the_bounds_of_a_ratio_hold_for_either_side() {
    let params = ScoreParams { n_ranks: 300, max_vocabulary: 300, ..ScoreParams::default() };
    for seed in 0..6 {
        let (own, copy) = (drawn(seed, 60, 300), drawn(seed + 50, 60, 300));
        let truth = value(npr(&own, std::slice::from_ref(&copy), &params));
        for (own, copy) in [(cut(&own, 9), copy.clone()), (own.clone(), cut(&copy, 9)), (cut(&own, 9), cut(&copy, 9))] {
            let guess = npr(&own, &[copy], &params).unwrap();
            assert!(guess.basis != Basis::Exact && holds(truth, &guess), "{truth}: {guess:?}");
        }
    }
}

#[test]
fn bounds_of_a_curvature_that_is_surely_positive() {
    // a .5 and b .2 given, a written twice. Tail in log-probability: least ln .2 for all, greatest ln(98 / .3) away.
    // D >= 2 (H_low - ln 2), var <= known second moment + .3 ln²(98 / .3) - H_low², each of two positions.
    let scored = text(vec![position("a", &[("a", 0.5), ("b", 0.2)]); 2], false);
    let params = ScoreParams { max_vocabulary: 100, n_ranks: 100, ..tiny() };
    let (a, b, far) = (2.0_f64.ln(), 5.0_f64.ln(), (98.0_f64 / 0.3).ln());
    let (h_low, h_high) = (0.5 * a + 0.5 * b, 0.5 * a + 0.2 * b + 0.3 * far);
    let known = 0.5 * a * a + 0.2 * b * b;
    let (v_low, v_high) = (known + 0.3 * b * b - h_low * h_low, known + 0.3 * far * far - h_low * h_low);
    let (low, high) = bounds(fast_detect_gpt(&scored, None, &params));
    close(low, 2.0 * (h_low - a) / (2.0 * v_high).sqrt());
    close(high, 2.0 * (h_high - a) / (2.0 * v_low).sqrt());
}

#[test]
fn a_tail_that_is_geometric_is_estimated_exactly() {
    // q_i = 0.4 * 0.6^i over 200 tokens; 5 of them say all.
    let names: Vec<String> = (0..200).map(|i| format!("w{i}")).collect();
    let all: Vec<(&str, f64)> =
        names.iter().enumerate().map(|(i, name)| (name.as_str(), 0.4 * 0.6_f64.powi(i as i32))).collect();
    let whole = text(["w0", "w3", "w9"].iter().map(|token| position(token, &all)).collect(), true);
    let given = cut(&whole, 5);
    close(value(entropy(&given, &tiny())), value(entropy(&whole, &tiny())));
    close(value(fast_detect_gpt(&given, None, &tiny())), value(fast_detect_gpt(&whole, None, &tiny())));
    close(value(log_rank(&given, &tiny())), value(log_rank(&whole, &tiny())));
    // Ignoring the tail would not do: the five alone are far less uncertain.
    let ignored = Scored { full: true, ..given };
    assert!((value(entropy(&ignored, &tiny())) - value(entropy(&whole, &tiny()))).abs() > 0.05);
}

#[test]
fn top_ranks_need_no_estimate() {
    // Outside the 20 given is outside the first 10.
    let whole = drawn(3, 80, 300);
    let params = ScoreParams::default();
    let (exact, given) = (gltr(&whole, &params), gltr(&cut(&whole, 20), &params));
    assert_eq!(exact, given);
    assert_ne!(rank(&cut(&whole, 20), &params).unwrap().basis, Basis::Exact);
}

#[test]
fn a_score_needs_what_its_row_says_and_no_more() {
    let (q, p) = (q(), p());
    let bare = plain(&[-1.0, -3.0, -2.0]);
    let mut ranks = ranked(&[1, 3, 2]);
    ranks.tokens.iter_mut().zip(&bare.tokens).for_each(|(token, bare)| token.logprob = bare.logprob);
    let (copies, continuations) = ([q.clone(), p.clone()], ["a b c d".to_owned()]);
    let all = Evidence {
        scored: Some(&q),
        second: Some(&p),
        perturbed: &copies,
        remainder: Some("a b c d e"),
        continuations: &continuations,
        scored_continuations: &copies,
        seed: 1,
    };
    let (logprob, rank, none) =
        (Needs::of(&[Need::Logprob]), Needs::of(&[Need::Logprob, Need::Rank]), Needs::default());
    let whole = Needs { distribution: true, ..rank };
    let alone = |scored| Evidence { scored, ..Evidence::default() };
    let generated = Evidence { scored: None, second: None, perturbed: &[], scored_continuations: &[], ..all };
    let offers = [
        (none, Evidence::default()),
        (Needs { generation: true, ..none }, generated),
        (logprob, alone(Some(&bare))),
        (rank, alone(Some(&ranks))),
        (whole, alone(Some(&q))),
        (Needs { second_worker: true, ..whole }, Evidence { second: Some(&p), ..alone(Some(&q)) }),
        (Needs { perturbation: true, ..logprob }, Evidence { perturbed: &copies, ..alone(Some(&bare)) }),
        (Needs { perturbation: true, ..rank }, Evidence { perturbed: &copies, ..alone(Some(&ranks)) }),
        (Needs { generation: true, second_worker: true, perturbation: true, ..whole }, all),
    ];
    for score in &SCORES {
        for (offered, evidence) in &offers {
            let outcome = (score.measure)(evidence, &tiny());
            assert_eq!(outcome.is_ok(), score.needs.met_by(*offered), "{} with {offered:?}: {outcome:?}", score.name);
            if let Err(reason) = outcome {
                assert!(matches!(reason, Abstain::Missing(_)), "{}: {reason}", score.name);
            }
        }
    }
}

#[test]
fn names_are_unique_and_found() {
    for score in &SCORES {
        assert_eq!(SCORES.iter().filter(|other| other.name == score.name).count(), 1);
        assert_eq!(Score::find(score.name).unwrap().formula, score.formula);
    }
    assert!(Score::find("nothing").is_none());
}

#[test]
fn likelier_text_scores_higher() {
    // The likeliest token everywhere against the least likely: every score of the text alone must say machine.
    let pick = |last: bool| {
        let mut scored = drawn(5, 60, 50);
        for token in &mut scored.tokens {
            let (text, logprob) = if last { &token.top[49] } else { &token.top[1] };
            (token.token, token.logprob) = (text.clone(), Some(*logprob));
        }
        scored
    };
    let params = ScoreParams::default();
    for name in
        ["log_likelihood", "rank", "log_rank", "gltr", "fast_detect_gpt", "fast_detect_gpt_sampled", "binoculars"]
    {
        let measure = |scored: &Scored| {
            let evidence = Evidence { scored: Some(scored), second: Some(scored), ..Evidence::default() };
            value((Score::find(name).unwrap().measure)(&evidence, &params))
        };
        assert!(measure(&pick(false)) > measure(&pick(true)), "{name}");
    }
}
