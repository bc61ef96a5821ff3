//! Which document of a cluster stays.
//!
//! datatrove keeps whichever its union made the root, text-dedup and Data-Juicer the smallest index, OLMo 3's tooling the
//! newest. Here it is a policy, and a total order: a rank of the document's own data, then its place. The rank is one
//! number, the smaller the better, so that a column of any type costs 8 bytes per document.

/// Which document of a cluster survives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// The first in the order of the documents.
    #[default]
    First,
    /// The one with most text.
    Longest,
    /// The one with the latest `created`; those without a date come last.
    Newest,
    /// The one with the largest value in a column; null and NaN come last.
    Best(String),
    /// The one whose source comes first in a list; sources not listed come last.
    Source(Vec<String>),
}

impl Policy {
    /// Reads `first`, `longest`, `newest` or `best:<column>`; none for anything else.
    ///
    /// A list of sources is not text: it is made as [`Policy::Source`].
    ///
    /// # Example
    /// ```text
    /// assert_eq!(Policy::parse("best:score"), Some(Policy::Best("score".to_owned())));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "first" => Some(Self::First),
            "longest" => Some(Self::Longest),
            "newest" => Some(Self::Newest),
            _ => match text.strip_prefix("best:") {
                None | Some("") => None,
                Some(column) => Some(Self::Best(column.to_owned())),
            },
        }
    }
}

/// The rank of no value: after every other.
pub const LAST: u64 = u64::MAX;

/// The rank of an integer of which more is better, such as a length or a time; none is [`LAST`].
///
/// The smallest integer shares its rank with none.
pub fn rank_of_i64(value: Option<i64>) -> u64 {
    value.map_or(LAST, |value| !(value as u64 ^ 1 << 63))
}

/// The rank of a number of which more is better, such as a score; none and NaN are [`LAST`]. -0 equals 0.
pub fn rank_of_f64(value: Option<f64>) -> u64 {
    let Some(value) = value.filter(|value| !value.is_nan()) else { return LAST };
    let bits = (value + 0.0).to_bits();
    // Ascending order of floats as unsigned integers: set the sign bit of positive ones, flip all bits of negative ones.
    let ascending = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
    !ascending
}

/// The rank of a source in a list of sources, the best first; one not listed is [`LAST`].
pub fn rank_of_source(source: Option<&str>, priority: &[String]) -> u64 {
    let place = source.and_then(|source| priority.iter().position(|known| known == source));
    place.map_or(LAST, |place| place as u64)
}

/// For each root the survivor of its cluster: the document of least rank, of these the first.
///
/// `roots` holds the root of each document's cluster, itself one of the cluster; other entries of the result are the
/// documents themselves. A document survives where `survivors(..)[roots[doc]] == doc`.
pub fn survivors(roots: &[u32], rank: impl Fn(u32) -> u64) -> Vec<u32> {
    let mut survivors: Vec<u32> = (0..roots.len() as u32).collect();
    for (doc, root) in (0u32..).zip(roots) {
        if let Some(best) = survivors.get_mut(*root as usize)
            && (rank(doc), doc) < (rank(*best), *best)
        {
            *best = doc;
        }
    }
    survivors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_as_the_values_do() {
        // By hand: best first.
        let integers = [Some(i64::MAX), Some(7), Some(0), Some(-1), Some(i64::MIN + 1)].map(rank_of_i64);
        assert!(integers.is_sorted() && integers[4] < rank_of_i64(None));
        let floats = [f64::INFINITY, 2.5, 1e-300, 0.0, -1e-300, -2.5, f64::NEG_INFINITY];
        let ranks = floats.map(|value| rank_of_f64(Some(value)));
        assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ranks[6] < rank_of_f64(None));
        assert_eq!(rank_of_f64(Some(-0.0)), rank_of_f64(Some(0.0)));
        assert_eq!(rank_of_f64(Some(f64::NAN)), rank_of_f64(None));
        let priority = ["books".to_owned(), "web".to_owned()];
        assert_eq!(rank_of_source(Some("web"), &priority), 1);
        assert_eq!(rank_of_source(Some("forum"), &priority), LAST);
        assert_eq!(rank_of_source(None, &priority), LAST);
    }

    #[test]
    fn least_rank_survives_and_ties_go_to_the_first() {
        // By hand: {0, 2, 3}, {1, 5}, {4}.
        let roots = [0, 1, 0, 0, 4, 1];
        let lengths = [10, 7, 30, 30, 5, 7];
        let survivors_of = |rank: &dyn Fn(u32) -> u64| survivors(&roots, rank);
        let longest = survivors_of(&|doc| rank_of_i64(Some(lengths[doc as usize])));
        assert_eq!((longest[0], longest[1], longest[4]), (2, 1, 4));
        let first = survivors_of(&|_| 0);
        assert_eq!((first[0], first[1], first[4]), (0, 1, 4));
    }

    #[test]
    fn policies_are_read() {
        assert_eq!(Policy::parse("newest"), Some(Policy::Newest));
        assert_eq!(Policy::parse("best:score"), Some(Policy::Best("score".to_owned())));
        assert_eq!((Policy::parse("best:"), Policy::parse("First")), (None, None));
    }
}
