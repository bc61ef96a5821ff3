//! What a model trained on one side makes of the other: the second-order effect of Das et al. 2024, with a linear model.

use crate::artifact::collect::Collector;
use crate::artifact::measure::linear::Sparse;
use crate::artifact::metric::Metric;
use crate::artifact::resample::{Part, ratio};
use rayon::prelude::*;

/// Features, class and fold of what is classified.
pub(super) type Row<C> = (Sparse, C, usize);

/// The accuracy on the reference of what was trained on the candidate (candidate) and on the reference (reference); the same on
/// the candidate below it. A row is judged by the model of the other folds, so that none saw it or its group.
pub(super) fn trained_across<C: Copy + PartialEq + Send + Sync, M: Send + Sync>(
    metric: &Metric,
    rows: &[Vec<Row<C>>; 2],
    n_folds: usize,
    train: impl Fn(&[&Sparse], &[C]) -> M + Sync,
    class: impl Fn(&M, &Sparse) -> Option<C> + Sync,
    out: &mut Collector<'_>,
) {
    let of_fold = |fold: usize| {
        rows.each_ref().map(|rows| {
            let others: Vec<&Row<C>> = rows.iter().filter(|row| row.2 != fold).collect();
            let texts: Vec<&Sparse> = others.iter().map(|row| &row.0).collect();
            let classes: Vec<C> = others.iter().map(|row| row.1).collect();
            train(&texts, &classes)
        })
    };
    let models: Vec<[M; 2]> = (0..n_folds).into_par_iter().map(of_fold).collect();
    let tested = |from: usize, on: usize| -> Vec<Part> {
        let is_right = |(text, wanted, fold): &Row<C>| class(&models[*fold][from], text) == Some(*wanted);
        rows[on].par_iter().map(|row| (f64::from(u8::from(is_right(row))), 1.0)).collect()
    };
    let [by_reference, by_candidate] = [tested(0, 1), tested(1, 1)].map(|parts| ratio(parts.into_iter()));
    out.ratio(metric, [&tested(0, 0), &tested(1, 0)]).detail("tested on the candidate", by_reference, by_candidate);
}
