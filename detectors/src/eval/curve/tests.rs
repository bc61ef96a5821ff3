//! Expectations by hand, or from scikit-learn 1.9 where the comment says so.

use super::*;

const HUMAN: [f64; 6] = [0.1, 0.4, 0.35, 0.8, 0.2, 0.5];
const MACHINE: [f64; 5] = [0.4, 0.9, 0.7, 0.8, 0.3];

fn close(a: Option<f64>, b: f64) {
    assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} against {b}");
}

#[test]
fn a_tie_counts_one_half() {
    close(Curve::of(&[1.0], &[1.0]).unwrap().auroc(), 0.5);
    // Pairs won of (1, 2) x (2, 3): 1 + 1/2 + 1 + 1 of 4.
    close(Curve::of(&[1.0, 2.0], &[2.0, 3.0]).unwrap().auroc(), 3.5 / 4.0);
    close(Curve::of(&[0.0], &[-0.0]).unwrap().auroc(), 0.5);
}

#[test]
fn partial_areas_are_those_of_scikit_learn() {
    let curve = Curve::of(&HUMAN, &MACHINE).unwrap();
    close(curve.auroc(), 0.733_333_333_333_333_3);
    for (max_fpr, expected) in [
        (0.01, 0.601_005_025_125_628_1),
        (0.1, 0.610_526_315_789_473_7),
        (0.3, 0.666_666_666_666_666_7),
        (0.5, 0.688_888_888_888_888_9),
        (1.0, 0.733_333_333_333_333_3),
    ] {
        close(curve.partial_auroc(max_fpr), expected);
    }
    let human: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 100) / 100.0).collect();
    let machine: Vec<f64> = (0..90).map(|i| f64::from(i * 53 % 90 + 20) / 100.0).collect();
    let curve = Curve::of(&human, &machine).unwrap();
    close(curve.partial_auroc(0.01), 0.556_113_902_847_571_2);
    close(curve.partial_auroc(0.333), 0.577_751_116_443_378);
}

#[test]
fn chance_is_one_half_and_perfection_one_at_any_rate() {
    let scores: Vec<f64> = (0..1000).map(f64::from).collect();
    let same = Curve::of(&scores, &scores).unwrap();
    let apart = Curve::of(&[0.0, 1.0], &[2.0]).unwrap();
    for max_fpr in [0.01, 0.2, 1.0] {
        assert!((same.partial_auroc(max_fpr).unwrap() - 0.5).abs() < 1e-9);
        close(apart.partial_auroc(max_fpr), 1.0);
    }
    for bad in [0.0, -1.0, 1.5, f64::NAN] {
        assert_eq!(same.partial_auroc(bad), None);
    }
}

#[test]
fn the_threshold_is_the_lowest_that_keeps_the_rate() {
    // Human, from the top: .8 .5 .4 .35 .2 .1. One in six may be exceeded, so .5 is the cut; .9 .8 .7 of 5 lie above.
    let curve = Curve::of(&HUMAN, &MACHINE).unwrap();
    let point = curve.at_fpr(0.2).unwrap();
    assert_eq!(point, OperatingPoint { threshold: 0.5, fpr: 1.0 / 6.0, tpr: Some(0.6) });
    // None may be exceeded: the highest human score, and only .9 is above it.
    assert_eq!(curve.at_fpr(0.0).unwrap(), OperatingPoint { threshold: 0.8, fpr: 0.0, tpr: Some(0.2) });
    assert_eq!(curve.at_fpr(1.0), None);
    // 1 % of 300 documents is 3, though 0.01 * 300 is a little less in binary.
    let human: Vec<f64> = (0..300).map(f64::from).collect();
    assert_eq!(Curve::of(&human, &[]).unwrap().at_fpr(0.01).unwrap().threshold, 296.0);
}

#[test]
fn tied_human_scores_never_break_the_rate() {
    let curve = Curve::of(&[1.0, 1.0, 1.0, 0.0], &[2.0, 1.0, 0.5]).unwrap();
    let point = curve.at_fpr(0.5).unwrap();
    assert_eq!((point.threshold, point.fpr, point.tpr), (1.0, 0.0, Some(1.0 / 3.0)));
    assert_eq!(curve.confusion(point.threshold).fpr(), Some(0.0));
}

#[test]
fn errors_are_equal_where_the_curve_crosses_the_diagonal() {
    // Human 1 2 3 4, machine 3 4 5 6 with the 3s and 4s tied: from (0, .5) through (.25, .75).
    close(Curve::of(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0]).unwrap().equal_error_rate(), 0.25);
    close(Curve::of(&[1.0], &[2.0]).unwrap().equal_error_rate(), 0.0);
    close(Curve::of(&[2.0], &[1.0]).unwrap().equal_error_rate(), 1.0);
    close(Curve::of(&[1.0], &[1.0]).unwrap().equal_error_rate(), 0.5);
}

#[test]
fn accuracies_by_hand() {
    // Above .4: machine .9 .7 .8, human .8 .5.
    let confusion = Curve::of(&HUMAN, &MACHINE).unwrap().confusion(0.4);
    assert_eq!(confusion, Confusion { true_machine: 3, false_machine: 2, true_human: 4, false_human: 2 });
    close(confusion.accuracy(), 7.0 / 11.0);
    close(confusion.balanced_accuracy(), 0.5 * (3.0 / 5.0 + 4.0 / 6.0));
    assert_eq!(Confusion::default().accuracy(), None);
}

#[test]
fn the_curve_runs_from_corner_to_corner() {
    let points: Vec<RocPoint> = Curve::of(&[1.0, 2.0], &[2.0, 3.0]).unwrap().points().collect();
    let pairs: Vec<(f64, f64)> = points.iter().map(|p| (p.fpr, p.tpr)).collect();
    assert_eq!(pairs, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
}

#[test]
fn an_empty_side_has_no_measure_and_a_failed_score_is_an_error() {
    let curve = Curve::of(&[], &[1.0]).unwrap();
    assert_eq!(
        (curve.auroc(), curve.partial_auroc(0.01), curve.at_fpr(0.01), curve.equal_error_rate()),
        (None, None, None, None)
    );
    assert_eq!(Curve::of(&[1.0], &[2.0, f64::NAN]), Err(BadScores::NotANumber { row: 2 }));
    close(Curve::of(&[f64::NEG_INFINITY], &[f64::INFINITY]).unwrap().auroc(), 1.0);
}

#[test]
fn weights_count_a_row_as_if_it_were_repeated() {
    let ranked = Ranked::new(&[1.0, 2.0, 2.0, 3.0], &[false, false, true, true], &[0, 1, 0, 1]).unwrap();
    let mut curve = Curve::default();
    ranked.curve_into(&[2, 1], &mut curve);
    assert_eq!(curve, Curve::of(&[1.0, 1.0, 2.0], &[2.0, 2.0, 3.0]).unwrap());
    ranked.curve_into(&[0, 1], &mut curve);
    assert_eq!(curve, Curve::of(&[2.0], &[3.0]).unwrap());
}
