//! What routing could win: the best trade-offs between loss and cost, and how far choices are from the best.

/// A loss and what it costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TradeOff {
    /// The weight of cost that led here.
    pub lambda: f64,
    /// Mean loss over the prompts.
    pub loss: f64,
    /// Mean cost over the prompts.
    pub cost: f64,
}

/// Positions of the points (loss, cost) that no other point beats in one without losing in the other, by rising cost.
/// Of equal points the first; points that are no numbers are left out. Costs n ln n.
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).filter(|&i| !points[i].0.is_nan() && !points[i].1.is_nan()).collect();
    order.sort_by(|&a, &b| points[a].1.total_cmp(&points[b].1).then(points[a].0.total_cmp(&points[b].0)));
    let mut least = f64::INFINITY;
    let mut front = Vec::new();
    for at in order {
        if points[at].0 < least || (front.is_empty() && points[at].0 == least) {
            least = points[at].0;
            front.push(at);
        }
    }
    front
}

/// Mean loss and cost for each weight of cost, when each prompt goes to the worker with the least predicted loss +
/// weight x cost. Rows are prompts, columns workers; rows beyond the shortest table are left out, and no rows give 0.
///
/// # Source
/// The front over the weight of a constraint, of Tryage (Hari and Thomson 2023).
pub fn sweep(predicted: &[Vec<f64>], actual: &[Vec<f64>], cost: &[Vec<f64>], lambdas: &[f64]) -> Vec<TradeOff> {
    let n = predicted.len().min(actual.len()).min(cost.len());
    let mean = |sum: f64| sum / n.max(1) as f64;
    let trade_off = |&lambda: &f64| {
        let (mut losses, mut costs) = (0.0, 0.0);
        for ((predicted, actual), cost) in predicted.iter().zip(actual).zip(cost) {
            let totals = predicted.iter().zip(cost).map(|(loss, cost)| loss + lambda * cost);
            let chosen = argmin(totals);
            losses += chosen.and_then(|at| actual.get(at)).unwrap_or(&0.0);
            costs += chosen.and_then(|at| cost.get(at)).unwrap_or(&0.0);
        }
        TradeOff { lambda, loss: mean(losses), cost: mean(costs) }
    };
    lambdas.iter().map(trade_off).collect()
}

/// How choices did beside the best that could have been chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Regret {
    /// Mean loss of the choices.
    pub loss: f64,
    /// Mean loss of the best worker of each prompt.
    pub oracle_loss: f64,
    /// Difference of the two; 0 or more.
    pub regret: f64,
    /// Share of prompts whose choice was as good as the best.
    pub accuracy: f64,
    /// Mean loss of the one worker that would have been best for all.
    pub single_loss: f64,
}

/// The regret of choices: rows of `losses` are prompts, columns workers, `chosen` the column taken. Rows without a loss
/// for the choice are left out; all zero when none is left.
pub fn regret(losses: &[Vec<f64>], chosen: &[usize]) -> Regret {
    let rows: Vec<(&Vec<f64>, f64)> =
        losses.iter().zip(chosen).filter_map(|(row, &at)| Some((row, *row.get(at)?))).collect();
    if rows.is_empty() {
        return Regret::default();
    }
    let n = rows.len() as f64;
    let best = |row: &[f64]| row.iter().copied().fold(f64::INFINITY, f64::min);
    let loss = rows.iter().map(|(_, loss)| loss).sum::<f64>() / n;
    let oracle_loss = rows.iter().map(|(row, _)| best(row)).sum::<f64>() / n;
    let n_best = rows.iter().filter(|(row, loss)| *loss <= best(row)).count();
    let n_workers = rows.iter().map(|(row, _)| row.len()).min().unwrap_or(0);
    let singles = (0..n_workers).map(|at| rows.iter().map(|(row, _)| row[at]).sum::<f64>() / n);
    Regret {
        loss,
        oracle_loss,
        regret: loss - oracle_loss,
        accuracy: n_best as f64 / n,
        single_loss: singles.fold(f64::INFINITY, f64::min),
    }
}

/// Position of the least value, the first of equals; none of none, and never one that is no number.
pub(crate) fn argmin(values: impl Iterator<Item = f64>) -> Option<usize> {
    let numbers = values.enumerate().filter(|(_, value)| !value.is_nan());
    numbers.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_holds_what_nothing_beats() {
        let points = [(0.5, 1.0), (0.3, 2.0), (0.4, 2.0), (0.3, 3.0), (0.1, 9.0), (f64::NAN, 0.0), (0.5, 1.0)];
        assert_eq!(pareto_front(&points), [0, 1, 4]);
        assert_eq!(pareto_front(&[]), [0; 0]);
    }

    #[test]
    fn regret_by_hand() {
        let losses = [vec![0.0, 1.0], vec![1.0, 0.5], vec![0.25, 0.25]];
        let found = regret(&losses, &[0, 0, 1]);
        assert!((found.loss - 1.25 / 3.0).abs() < 1e-12 && (found.oracle_loss - 0.25).abs() < 1e-12);
        assert!((found.regret - 0.5 / 3.0).abs() < 1e-12 && (found.accuracy - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.single_loss - 1.25 / 3.0).abs() < 1e-12);
        assert_eq!(regret(&losses, &[]), Regret::default());
    }

    #[test]
    fn a_larger_weight_of_cost_buys_less() {
        let (losses, cost) = (vec![vec![0.1, 0.4], vec![0.2, 0.3]], vec![vec![1.0, 0.0]; 2]);
        let swept = sweep(&losses, &losses, &cost, &[0.0, 0.2, 1.0]);
        let costs: Vec<f64> = swept.iter().map(|point| point.cost).collect();
        assert_eq!(costs, [1.0, 0.5, 0.0]);
        assert!((swept[1].loss - 0.2).abs() < 1e-12);
    }
}
