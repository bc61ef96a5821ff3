//! Every formula on cases small enough to compute by hand; logarithms are multiples of ln 2 where they can be.

use super::*;

#[test]
fn likelihood_and_ranks() {
    // log2 q(x) = -1, -3, -2; ranks 1, 3 (two are likelier, one is as likely), 2.
    let q = q();
    close(value(log_likelihood(&q, &tiny())), -2.0 * LN_2);
    close(value(rank(&q, &tiny())), -2.0);
    // (ln 1 + ln 3 + ln 2) / 3 = ln 6 / 3
    close(value(log_rank(&q, &tiny())), -0.597_253_164);
    close(value(gltr(&q, &ScoreParams { gltr_rank: 2, ..tiny() })), 2.0 / 3.0);
    close(value(gltr(&q, &tiny())), 1.0);
    assert_eq!(rank_histogram(&q, &[1, 2], &tiny()).unwrap(), [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
    // 2 ln 2 / (ln 6 / 3) = 6 ln 2 / ln 6
    close(value(lrr(&q, &tiny())), 2.321_116_843);
    // Variance of -1, -3, -2 is 2/3: ln 2 sqrt(2/3).
    close(value(burstiness(&q, &tiny())), -0.565_952_303);
    assert_eq!(log_likelihood(&q, &tiny()).unwrap().n_tokens, 3);
}

#[test]
fn entropy_is_that_of_every_position() {
    // 1/2 + 2/4 + 3/8 + 3/8 = 1.75 bits at each.
    close(value(entropy(&q(), &tiny())), -1.75 * LN_2);
    // A worker that saw the whole distribution is believed.
    let mut known = q();
    known.tokens.iter_mut().for_each(|token| (token.entropy, token.top) = (Some(2.0), Vec::new()));
    assert_eq!(value(entropy(&known, &tiny())), -2.0);
    assert_eq!(entropy(&known, &tiny()).unwrap().basis, Basis::Exact);
}

#[test]
fn curvature_of_one_worker() {
    // mu = -1.75 and E[log2² q] = 1/2 + 4/4 + 9/8 + 9/8 = 3.75, var = 3.75 - 1.75² = 0.6875, at each position:
    // (-6 + 5.25) / sqrt(3 * 0.6875), ln 2 cancels.
    close(value(fast_detect_gpt(&q(), None, &tiny())), -0.522_232_968);
}

#[test]
fn curvature_and_binoculars_of_two_workers() {
    // mu (in log2): (-1 -2 -3 -3) / 4 = -2.25; -2/2 - 1/4 - 3/8 - 3/8 = -2; -3/8 - 3/2 - 2/4 - 1/8 = -2.5; sum -6.75.
    // E[log2²]: 23/4 = 5.75; 4/2 + 1/4 + 9/8 + 9/8 = 4.5; 9/8 + 9/2 + 4/4 + 1/8 = 6.75; var 0.6875 + 0.5 + 0.5 = 1.6875.
    // (-6 + 6.75) / sqrt(1.6875) = 1 / sqrt(3)
    close(value(fast_detect_gpt(&q(), Some(&p()), &tiny())), 0.577_350_269);
    // B = 6 / 6.75 = 8 / 9
    let outcome = binoculars(&q(), &p(), &tiny());
    close(value(outcome), -8.0 / 9.0);
    close(Score::find("binoculars").unwrap().published(value(outcome)), 8.0 / 9.0);
    assert_eq!(outcome.unwrap().basis, Basis::Exact);
}

#[test]
fn draws_come_to_the_sums() {
    let params = ScoreParams { n_draws: 40_000, ..tiny() };
    for seed in 0..4 {
        let found = value(fast_detect_gpt_sampled(&q(), Some(&p()), seed, &params));
        // Error of the mean of 40,000 draws: 1/200 of a deviation; 0.025 is five of them.
        assert!((found - 0.577_350_269).abs() < 0.025, "{found}");
    }
    let draw = |seed| value(fast_detect_gpt_sampled(&q(), None, seed, &params));
    assert_eq!(draw(1), draw(1));
    assert!(draw(1) != draw(2));
}

#[test]
fn perturbed_copies() {
    // LL / ln 2: text -2, copies -3 and -4: (-2 + 3.5) / 0.5 = 3.
    let copies = [plain(&[-2.0 * LN_2, -4.0 * LN_2]), plain(&[-5.0 * LN_2, -3.0 * LN_2])];
    let outcome = detect_gpt(&q(), &copies, &tiny());
    close(value(outcome), 3.0);
    assert_eq!((outcome.unwrap().n_tokens, outcome.unwrap().n_texts), (3, 2));
    // Log-ranks / ln 2: copies (1 + 1 + 2) / 3 = 4/3 and 2, mean 5/3; text ln 6 / 3: 5 ln 2 / ln 6.
    let copies = [ranked(&[2, 2, 4]), ranked(&[4, 4, 4])];
    close(value(npr(&q(), &copies, &tiny())), 1.934_264_036);
    // A copy that was not scored is not counted.
    assert_eq!(npr(&q(), &[copies.as_slice(), &[plain(&[])]].concat(), &tiny()).unwrap().n_texts, 2);
}

#[test]
fn continuations() {
    let others = [plain(&[-3.0 * LN_2]), plain(&[-4.0 * LN_2])];
    close(value(dna_gpt_w(&q(), &others, &tiny())), 1.5 * LN_2);
    // 4-grams of "a b c d e f": 3, of which the other has abcd and bcde: 4 ln 4 * 2 / (6 * 3). 5-grams: 2, of which it has
    // abcde: 5 ln 5 / (6 * 2). 6-grams: none. Sum 0.616131 + 0.670599.
    let own = "A b, c d e f.";
    close(value(dna_gpt_b(own, &["a b c d e x".into()], &tiny())), 1.286_729_957);
    // A second continuation that shares nothing halves it; one without words is not counted.
    let outcome = dna_gpt_b(own, &["a b c d e x".into(), "z z".into(), " ?".into()], &tiny());
    close(value(outcome), 0.643_364_979);
    assert_eq!((outcome.unwrap().n_tokens, outcome.unwrap().n_texts), (6, 2));
    // aaaa is there twice and once: 4 ln 4 * 1 / (4 * 2) = ln 2.
    close(value(dna_gpt_b("a a a a a", &["a a a a".into()], &tiny())), LN_2);
    // Characters are words where no spaces are: 我 是 学 生 has one 4-gram of four words, 4 ln 4 / (4 * 1).
    close(value(dna_gpt_b("我是学生。", &["我是学生".into()], &tiny())), 4.0_f64.ln());
}

#[test]
fn a_tail_is_estimated_and_bounded() {
    // 0.5 and 0.2 given, 0.3 missing: b = 0.3 / (0.2 + 0.3) = 0.6. H of the given 0.668461, of the tail
    // -0.3 ln 0.2 - 0.2 ln 0.6 Σ i b^i = 0.482831 + 0.75 * 0.510826 = 0.865951.
    let scored = text(vec![position("a", &[("a", 0.5), ("b", 0.2)])], false);
    let outcome = entropy(&scored, &tiny());
    close(value(outcome), -1.534_411_764);
    let Basis::GeometricTail { estimated_ratio, .. } = outcome.unwrap().basis else { panic!("not exact") };
    close(estimated_ratio, 0.3);
    // Least where the tail is as likely as can be, 0.3 tokens of ln 0.2; greatest for 262,142 equal ones.
    let (low, high) = bounds(outcome);
    close(high, -0.668_461_175 - 0.3 * 5.0_f64.ln());
    close(low, -0.668_461_175 - 0.3 * (262_142.0_f64 / 0.3).ln());
    // Three such positions with ln q(x) of 0.5, 0.01 and 0.2; the variance is 1.196994 by summing 1,000 terms.
    let mut rare = position("b", &[("a", 0.5), ("b", 0.2)]);
    (rare.token, rare.logprob) = ("r".into(), Some(0.01_f64.ln()));
    let tokens = vec![scored.tokens[0].clone(), rare.clone(), position("b", &[("a", 0.5), ("b", 0.2)])];
    let outcome = fast_detect_gpt(&text(tokens, false), None, &tiny());
    close(value(outcome), -1.216_112_874);
    // The rare one: 0.2 * 0.6^i > 0.01 for i up to 5, so rank 2 + 5 + 1; at most 2 + 0.3 / 0.01.
    let outcome = rank(&text(vec![rare], false), &tiny());
    assert_eq!(value(outcome), -8.0);
    let (low, high) = bounds(outcome);
    close(low, -32.0);
    close(high, -3.0);
}

#[test]
fn a_tail_that_ends_is_estimated_to_its_end() {
    // 0.15 missing in two tokens of at most 0.15: b + b² = 1, b = (sqrt 5 - 1) / 2; the sum over all five by hand.
    let scored = text(vec![position("a", &[("a", 0.5), ("b", 0.2), ("c", 0.15)])], false);
    close(value(entropy(&scored, &ScoreParams { n_ranks: 5, ..tiny() })), -1.337_349_926);
}

#[test]
fn what_only_one_of_two_workers_lists_is_spread_over_the_other() {
    // q lists a .5 and b .25, its tail of two is .25 g and .25 g², g = (sqrt 5 - 1) / 2. p lists a .4 and c .35. Weights:
    // a .4; the .25 that p leaves open goes half to b, half to q's tail, as q has it; the .35 of c goes to q's tail.
    // mu = .4 ln .5 + .125 ln .25 + .475 (g ln(.25 g) + g² ln(.25 g²)) = -1.424919
    let q = text(vec![position("b", &[("a", 0.5), ("b", 0.25)])], false);
    let mut second = position("b", &[("a", 0.4), ("c", 0.35)]);
    second.token = "b".into();
    let p = text(vec![second], false);
    let params = ScoreParams { n_ranks: 4, ..tiny() };
    close(value(binoculars(&q, &p, &params)), -0.972_893_298);
    let outcome = fast_detect_gpt(&q, Some(&p), &params);
    close(value(outcome), 0.059_128_049);
    let Basis::GeometricTail { estimated_ratio, bounds: None } = outcome.unwrap().basis else { panic!("{outcome:?}") };
    close(estimated_ratio, 0.6);
}

#[test]
fn published_constants() {
    // Densities of the two normals computed separately (scipy's norm.pdf formula), ratio of machine to both.
    let expected = [
        [0.818_075_856, 0.203_916_077, 0.893_589_333],
        [0.524_170_346, 0.246_882_77, 0.955_377_777],
        [0.307_746_413, 0.132_964_235, 0.949_173_822],
        [0.595_097_92, 0.208_122_504, 0.839_872_984],
    ];
    for (normals, expected) in NORMALS.iter().zip(expected) {
        for (curvature, expected) in [-3.0, 0.0, 2.5].into_iter().zip(expected) {
            close(normals.probability(curvature), expected);
        }
        assert!(normals.probability(f64::MAX.sqrt()).is_finite() && normals.probability(-1e6).is_finite());
        assert_eq!(normals.rising(-3.0), normals.probability(normals.turning_point()));
        assert_eq!(normals.rising(2.5), normals.probability(2.5));
    }
    let first = Normals::find("gpt-j-6B", "gpt-neo-2.7B").unwrap();
    // The least of a grid of steps of 0.001.
    assert!((first.turning_point() + 0.383).abs() < 1e-3);
    assert_eq!(Normals::find("gpt-neo-2.7B", "gpt-j-6B"), None);
}
