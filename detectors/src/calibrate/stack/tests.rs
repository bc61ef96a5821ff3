//! Coefficients from scikit-learn 1.9; the published scores from Fast-DetectGPT's result files.

use super::*;
use crate::eval::Curve;
use crate::eval::published;
use crate::eval::rng::Draws;

const NAMES: [&str; 2] = ["a", "b"];
const VALUES: [f64; 20] =
    [0.1, 5.0, 0.4, 3.0, 0.35, 4.0, 0.8, 1.0, 0.2, 6.0, 0.5, 2.0, 0.4, 2.5, 0.9, 7.0, 0.7, 1.5, 0.8, 0.5];
const MACHINE: [bool; 10] = [false, false, false, false, false, false, true, true, true, true];

fn fitted(balanced: bool) -> Stack {
    let params = StackParams { balanced, ..StackParams::default() };
    Stack::fit(&NAMES, Inputs::new(&VALUES, 2).unwrap(), &MACHINE, &params).unwrap()
}

#[test]
fn weights_are_those_of_scikit_learn() {
    // StandardScaler and LogisticRegression(C=1), class_weight None and "balanced".
    for (balanced, weights, bias, first_logit) in [
        (false, [0.898_505_779, -0.032_261_378], -0.487_759_776, -1.955_238_510),
        (true, [0.912_156_612, -0.070_129_920], -0.124_992_695, -1.646_265_378),
    ] {
        let stack = fitted(balanced);
        assert!(stack.inputs().iter().zip(weights).all(|(input, w)| (input.weight - w).abs() < 1e-7), "{stack:?}");
        assert!((stack.bias - bias).abs() < 1e-7);
        assert!((stack.logit(&VALUES[..2]).unwrap() - first_logit).abs() < 1e-7);
    }
}

#[test]
fn contributions_and_bias_sum_to_the_log_odds() {
    let stack = fitted(true);
    let parts: Vec<f64> = stack.contributions(&[0.9, 1.0]).unwrap().collect();
    assert!((stack.bias + parts.iter().sum::<f64>() - stack.logit(&[0.9, 1.0]).unwrap()).abs() < 1e-12);
    assert!(parts[0] > 0.0);
    let json = serde_json::to_string(&stack).unwrap();
    assert_eq!(serde_json::from_str::<Stack>(&json).unwrap(), stack);
}

#[test]
fn a_constant_input_contributes_nothing() {
    let values: Vec<f64> = VALUES.chunks(2).flat_map(|row| [row[0], 0.1]).collect();
    let stack = Stack::fit(&NAMES, Inputs::new(&values, 2).unwrap(), &MACHINE, &StackParams::default()).unwrap();
    assert_eq!((stack.inputs()[1].sd, stack.contributions(&[0.5, 99.0]).unwrap().nth(1)), (0.0, Some(0.0)));
}

#[test]
fn bad_input_is_named() {
    assert!(matches!(Inputs::new(&[1.0, 2.0, 3.0], 2), Err(StackError::Inputs { expected: 2, found: 1 })));
    assert!(matches!(Inputs::new(&[1.0, f64::NAN], 2), Err(StackError::NotFinite { row: 0, column: 1 })));
    assert!(Inputs::new(&[], 0).is_err());
    let inputs = Inputs::new(&VALUES, 2).unwrap();
    let params = StackParams::default();
    let one_side = Stack::fit(&NAMES, inputs, &[true; 10], &params).unwrap_err();
    assert_eq!(one_side, StackError::OneSide { fold: None });
    assert_eq!(Stack::fit(&["a"], inputs, &MACHINE, &params), Err(StackError::Inputs { expected: 1, found: 2 }));
    assert_eq!(fitted(true).logit(&[1.0]), Err(StackError::Inputs { expected: 2, found: 1 }));
    assert_eq!(fitted(true).logit(&[1.0, f64::NAN]), Err(StackError::NotFinite { row: 0, column: 1 }));
    let negative = StackParams { l2: -1.0, ..params };
    assert_eq!(Stack::fit(&NAMES, inputs, &MACHINE, &negative), Err(StackError::Params));
    // Two groups, two folds: outside each fold only one side is left.
    let groups = MACHINE.map(u64::from);
    let error = out_of_fold(&NAMES, inputs, &MACHINE, &groups, &StackParams { n_folds: 2, ..params }).unwrap_err();
    assert!(error.to_string().contains("outside fold 0"), "{error}");
    let none = Inputs::new(&[], 2).unwrap();
    assert!(out_of_fold(&NAMES, none, &[], &[], &params).unwrap().logits.is_empty());
}

#[test]
fn twins_in_two_folds_would_leak_and_groups_keep_them_together() {
    // 100 inputs of noise, each document listed twice with a label of chance: by row the stack remembers the twin, by
    // group it cannot (and falls below chance, as cross-validation of small balanced samples does).
    const N_INPUTS: usize = 100;
    let params = StackParams { l2: 0.1, ..StackParams::default() };
    let mut draws = Draws::new(4, "stack", 0);
    let (mut values, mut machine, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for group in 0..60_u64 {
        let row: Vec<f64> = (0..N_INPUTS).map(|_| draws.normal()).collect();
        for _ in 0..2 {
            values.extend_from_slice(&row);
            machine.push(group % 2 == 0);
            groups.push(group);
        }
    }
    let names: Vec<String> = (0..N_INPUTS).map(|i| i.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let inputs = Inputs::new(&values, N_INPUTS).unwrap();
    let auroc = |groups: &[u64]| {
        let scores = out_of_fold(&names, inputs, &machine, groups, &params).unwrap().logits;
        let side =
            |label| scores.iter().zip(&machine).filter(|(_, m)| **m == label).map(|(s, _)| *s).collect::<Vec<_>>();
        Curve::of(&side(false), &side(true)).unwrap().auroc().unwrap()
    };
    let by_row: Vec<u64> = (0..120).collect();
    let (leaky, honest) = (auroc(&by_row), auroc(&groups));
    eprintln!("labels of chance: by row {leaky:.3}, by group {honest:.3}");
    assert!(leaky > 0.8 && honest < 0.65, "{leaky} {honest}");
}

/// Target: 0.97 on the GPT cells for a stack (our measurement with style features on nine cells: 0.966); here all ten
/// published scores on the six cells that are at hand. scikit-learn with the same model gives 0.973.
#[test]
fn a_stack_of_published_scores_beats_the_best_of_them() {
    let Some(files) = published::files() else { return };
    let (mut stacked, mut best) = (0.0, 0.0);
    for (file, detectors) in &files {
        let names: Vec<&str> = detectors.keys().map(String::as_str).collect();
        let n = detectors[names[0]].human.len();
        let score = |row: usize, name: &&str| {
            let scores = &detectors[*name];
            if row < n { scores.human[row] } else { scores.machine[row - n] }
        };
        let values: Vec<f64> = (0..2 * n).flat_map(|row| names.iter().map(move |name| score(row, name))).collect();
        let machine: Vec<bool> = (0..2 * n).map(|row| row >= n).collect();
        let groups: Vec<u64> = (0..2 * n).map(|row| (row % n) as u64).collect();
        let inputs = Inputs::new(&values, names.len()).unwrap();
        let auroc = |seed| {
            let params = StackParams { seed, ..StackParams::default() };
            let logits = out_of_fold(&names, inputs, &machine, &groups, &params).unwrap().logits;
            Curve::of(&logits[..n], &logits[n..]).unwrap().auroc().unwrap()
        };
        let mean = (0..5).map(auroc).sum::<f64>() / 5.0;
        let single = detectors.values().map(|scores| scores.roc_auc).fold(0.0, f64::max);
        eprintln!("{file}: stack {mean:.4}, best single score {single:.4}");
        stacked += mean / files.len() as f64;
        best += single / files.len() as f64;
    }
    eprintln!("mean of {} cells: stack {stacked:.4}, best single score of each cell {best:.4}", files.len());
    assert!(stacked >= 0.965 && stacked > best + 0.005, "{stacked} {best}");
}
