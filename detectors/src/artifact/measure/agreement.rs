//! Agreement of annotators beyond chance.
//!
//! Cohen 1960 (two annotators), weighted kappa with quadratic weights (Cohen 1968), Fleiss 1971, Krippendorff's alpha
//! (Krippendorff 2011, "Computing Krippendorff's alpha-reliability") and AC1 (Gwet 2008), which skewed classes do not fool.
//!
//! Fleiss' kappa wants as many ratings for each item; items with other numbers are taken with their own, as `irrCAC` does.

/// The scale of the labels, which says how far apart two of them are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Names: alike or not.
    Nominal,
    /// Ranks: as far as the labels between them are many.
    Ordinal,
    /// Numbers: the square of the difference of their places.
    Interval,
}

/// The classes that each item was given, by annotators in any order; a class is a place in a table of `n_classes`.
pub type Units = [Vec<usize>];

/// Cohen's kappa of pairs of labels (one of each annotator for an item), in [-1, 1]; none without pairs, or where chance
/// agreement is 1 (both used a single class).
pub fn cohen_kappa(pairs: &[(usize, usize)], n_classes: usize) -> Option<f64> {
    weighted_kappa(pairs, n_classes, |a, b| f64::from(u8::from(a != b)))
}

/// Cohen's kappa with quadratic weights, for classes in order.
pub fn quadratic_kappa(pairs: &[(usize, usize)], n_classes: usize) -> Option<f64> {
    weighted_kappa(pairs, n_classes, |a, b| (a as f64 - b as f64).powi(2))
}

fn weighted_kappa(pairs: &[(usize, usize)], n_classes: usize, cost: impl Fn(usize, usize) -> f64) -> Option<f64> {
    let mut rows = vec![0.0; n_classes];
    let mut columns = vec![0.0; n_classes];
    let mut observed = 0.0;
    let mut n = 0.0;
    for (a, b) in pairs.iter().filter(|(a, b)| *a < n_classes && *b < n_classes) {
        rows[*a] += 1.0;
        columns[*b] += 1.0;
        observed += cost(*a, *b);
        n += 1.0;
    }
    let mut expected = 0.0;
    for (a, row) in rows.iter().enumerate() {
        expected += columns.iter().enumerate().map(|(b, column)| cost(a, b) * row * column).sum::<f64>();
    }
    (n > 0.0 && expected > 0.0).then(|| 1.0 - observed / (expected / n))
}

/// Counts per class of the items that have at least two ratings.
fn rated(units: &Units, n_classes: usize) -> Vec<Vec<f64>> {
    let counted = units.iter().map(|labels| {
        let mut counts = vec![0.0; n_classes];
        labels.iter().filter(|label| **label < n_classes).for_each(|label| counts[*label] += 1.0);
        counts
    });
    counted.filter(|counts| counts.iter().sum::<f64>() >= 2.0).collect()
}

/// Mean over items of the share of pairs of ratings that agree, and the mean share of each class.
fn pair_agreement(items: &[Vec<f64>], n_classes: usize) -> Option<(f64, Vec<f64>)> {
    if items.is_empty() {
        return None;
    }
    let mut observed = 0.0;
    let mut shares = vec![0.0; n_classes];
    for counts in items {
        let n: f64 = counts.iter().sum();
        observed += counts.iter().map(|count| count * (count - 1.0)).sum::<f64>() / (n * (n - 1.0));
        shares.iter_mut().zip(counts).for_each(|(share, count)| *share += count / n);
    }
    let n_items = items.len() as f64;
    shares.iter_mut().for_each(|share| *share /= n_items);
    Some((observed / n_items, shares))
}

/// Fleiss' kappa; none without an item rated twice, or where all ratings are of one class.
pub fn fleiss_kappa(units: &Units, n_classes: usize) -> Option<f64> {
    let (observed, shares) = pair_agreement(&rated(units, n_classes), n_classes)?;
    let expected: f64 = shares.iter().map(|share| share * share).sum();
    (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

/// Gwet's AC1; none without an item rated twice or with fewer than two classes.
pub fn gwet_ac1(units: &Units, n_classes: usize) -> Option<f64> {
    let (observed, shares) = pair_agreement(&rated(units, n_classes), n_classes)?;
    if n_classes < 2 {
        return None;
    }
    let expected = shares.iter().map(|share| share * (1.0 - share)).sum::<f64>() / (n_classes as f64 - 1.0);
    (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

/// Krippendorff's alpha, at most 1; ratings may be missing. None without an item rated twice, or where all pairable ratings
/// are of one class, for then there is no disagreement to expect.
pub fn krippendorff_alpha(units: &Units, n_classes: usize, scale: Scale) -> Option<f64> {
    let items = rated(units, n_classes);
    let mut totals = vec![0.0; n_classes];
    for counts in &items {
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
    }
    let n: f64 = totals.iter().sum();
    if n < 2.0 {
        return None;
    }
    let distance = distances(&totals, scale);
    let spread = |counts: &[f64]| -> f64 {
        let row =
            |c: usize| (0..n_classes).filter(|k| *k != c).map(|k| counts[c] * counts[k] * distance(c, k)).sum::<f64>();
        (0..n_classes).filter(|c| counts[*c] > 0.0).map(row).sum()
    };
    let observed: f64 = items.iter().map(|counts| spread(counts) / (counts.iter().sum::<f64>() - 1.0)).sum();
    let expected = spread(&totals) / (n - 1.0);
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

/// The squared distance of two classes; for ranks, of the numbers of ratings up to each.
fn distances(totals: &[f64], scale: Scale) -> impl Fn(usize, usize) -> f64 {
    let mut up_to = 0.0;
    let middle: Vec<f64> = totals
        .iter()
        .map(|total| {
            up_to += total;
            up_to - total / 2.0
        })
        .collect();
    move |c, k| match scale {
        Scale::Nominal => 1.0,
        Scale::Ordinal => (middle[c] - middle[k]).powi(2),
        Scale::Interval => (c as f64 - k as f64).powi(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of Krippendorff 2011, section C: four coders, twelve units, values missing; alpha .743, .815, .849.
    fn four_coders() -> Vec<Vec<usize>> {
        let coders =
            ["12332141 2...", "12332241 25.3", ".3332342 251.", "12332441 251."].map(|row| row.replace(' ', ""));
        (0..12)
            .map(|unit| {
                let value = |row: &String| row.as_bytes()[unit].checked_sub(b'1').filter(|v| *v < 5).map(usize::from);
                coders.iter().filter_map(value).collect()
            })
            .collect()
    }

    #[test]
    fn alpha_of_the_four_coder_example() {
        let units = four_coders();
        for (scale, expected) in [(Scale::Nominal, 0.743), (Scale::Ordinal, 0.815), (Scale::Interval, 0.849)] {
            let alpha = krippendorff_alpha(&units, 5, scale).unwrap();
            assert!((alpha - expected).abs() < 5e-4, "{scale:?} {alpha}");
        }
    }

    #[test]
    fn kappa_by_hand() {
        // 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa 0.4.
        let pairs: Vec<(usize, usize)> = [((0, 0), 20), ((0, 1), 5), ((1, 0), 10), ((1, 1), 15)]
            .into_iter()
            .flat_map(|(pair, n)| std::iter::repeat_n(pair, n))
            .collect();
        assert!((cohen_kappa(&pairs, 2).unwrap() - 0.4).abs() < 1e-12);
        assert!((quadratic_kappa(&pairs, 2).unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(cohen_kappa(&[(0, 0), (0, 0)], 2), None);
        assert_eq!(cohen_kappa(&[], 2), None);
        // sklearn.metrics.cohen_kappa_score([0,1,2,2,1,0], [0,2,2,1,1,0], weights="quadratic") = 0.75.
        let graded = [(0, 0), (1, 2), (2, 2), (2, 1), (1, 1), (0, 0)];
        assert!((quadratic_kappa(&graded, 3).unwrap() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn fleiss_of_the_published_example() {
        // The worked example of Fleiss 1971 in its common form: 10 items, 14 raters, 5 classes; kappa 0.210.
        let table = [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ];
        let units: Vec<Vec<usize>> = table
            .iter()
            .map(|row| row.iter().enumerate().flat_map(|(class, n)| std::iter::repeat_n(class, *n)).collect())
            .collect();
        assert!((fleiss_kappa(&units, 5).unwrap() - 0.210).abs() < 5e-4);
    }

    #[test]
    fn ac1_by_hand() {
        // Two raters, items (0,0) x9 and (0,1): observed 0.9, class shares 0.95 and 0.05, expected 2 * 0.95 * 0.05 = 0.095.
        let mut units = vec![vec![0, 0]; 9];
        units.push(vec![0, 1]);
        assert!((gwet_ac1(&units, 2).unwrap() - (0.9 - 0.095) / 0.905).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_agree_on() {
        assert_eq!(krippendorff_alpha(&[], 3, Scale::Nominal), None);
        assert_eq!(krippendorff_alpha(&[vec![1], vec![2]], 3, Scale::Nominal), None);
        assert_eq!(krippendorff_alpha(&[vec![1, 1]], 3, Scale::Nominal), None);
        assert_eq!(krippendorff_alpha(&[vec![9, 9]], 3, Scale::Nominal), None);
        assert_eq!(fleiss_kappa(&[vec![0, 0]], 2), None);
        assert_eq!(gwet_ac1(&[], 2), None);
    }
}
