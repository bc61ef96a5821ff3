//! Measures against per-document scores that others published, if the shared data is at hand.
//!
//! `published_scores.json` holds the scores of Fast-DetectGPT's result files (Bao et al. 2024, arXiv:2310.05130) with
//! the AUROC stored there. Scores are rounded to six decimals, the stored AUROC is not: where a human and a machine
//! document became equal by rounding, the original may have counted the pair as won or lost. So the stored value must
//! lie within half the tied share of ours, which is equality to 1e-9 wherever nothing is tied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Curve;

/// One detector on one file.
#[derive(Debug, Deserialize)]
pub(crate) struct Published {
    pub(crate) human: Vec<f64>,
    pub(crate) machine: Vec<f64>,
    pub(crate) roc_auc: f64,
}

/// File name to detector name to scores.
pub(crate) type Files = BTreeMap<String, BTreeMap<String, Published>>;

/// The scores, or none with a loud word if the shared data is not there.
pub(crate) fn files() -> Option<Files> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let from_env = std::env::var_os("GRISTMILL_SHARED").map(PathBuf::from);
    let places = from_env.into_iter().chain([manifest.join("../shared"), manifest.join("../../shared")]);
    let found = places.map(|place| place.join("data/detect/published_scores.json")).find(|path| path.exists());
    let Some(path) = found else {
        eprintln!("SKIPPED: no published_scores.json; set GRISTMILL_SHARED");
        return None;
    };
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn auroc_is_the_published_one_for_every_detector_and_file() {
    let Some(files) = files() else { return };
    let (mut n_untied, mut n_equal, mut widest) = (0, 0, 0.0_f64);
    for (file, detectors) in &files {
        for (detector, scores) in detectors {
            let curve = Curve::of(&scores.human, &scores.machine).unwrap();
            let slack = 0.5 * curve.tied_share().unwrap();
            let off = (curve.auroc().unwrap() - scores.roc_auc).abs();
            assert!(off <= slack + 1e-9, "{file} {detector}: off by {off}, ties explain {slack}");
            n_untied += usize::from(slack == 0.0);
            n_equal += usize::from(off <= 1e-9);
            widest = widest.max(off);
        }
    }
    eprintln!(
        "{n_equal} of 60 AUROCs equal to 1e-9, of them {n_untied} without ties; the others off by {widest:.5} at most"
    );
    assert_eq!((files.len(), files.values().map(BTreeMap::len).sum::<usize>()), (6, 60));
    assert_eq!((n_equal, n_untied), (49, 34));
}
