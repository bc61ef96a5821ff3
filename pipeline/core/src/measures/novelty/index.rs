//! Which records can share enough tokens with a text: inverted lists over the tokens of the records.
//!
//! Tokens are ordered by how many records have them, rare ones first; repeated tokens are told apart by number ("the
//! second `the`"), so that sharing is counted as bags do. The order is made anew whenever the number of records has doubled, which
//! costs a constant share of the work; tokens that are new since then count as the rarest. Any fixed order gives the
//! same answers, a good one gives them sooner.

use hashbrown::HashMap;

use super::f_of;

/// A token with the number of its repetition.
type Element = u32;

#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Tokens of all records, one after the other.
    tokens: Vec<u32>,
    /// Where each record ends.
    ends: Vec<usize>,
    n_longest: usize,
    elements: HashMap<u64, Element>,
    /// Place of each element in the order; smaller is rarer.
    ranks: Vec<i64>,
    lists: Vec<Vec<Posting>>,
    query: Query,
}

/// That a record has an element.
#[derive(Debug, Clone, Copy)]
struct Posting {
    record: u32,
    /// How many tokens the record has.
    n_tokens: u32,
    /// How many of them are rarer.
    place: u32,
}

/// Memory of a query.
#[derive(Debug, Clone, Default)]
struct Query {
    sorted: Vec<u32>,
    /// Elements of the text that are known, rarest first, and how many are not known.
    elements: Vec<(i64, Element)>,
    n_unknown: usize,
    /// For each length from the shortest one: how many tokens must be shared.
    required: Vec<u32>,
    /// For each record how many elements it shares; 0 between queries.
    n_shared: Vec<u32>,
}

/// Number of records from which on the order is made anew at each doubling.
const FIRST_ORDER: usize = 256;

impl Index {
    pub(super) fn n_records(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn tokens(&self, record: usize) -> &[u32] {
        let start = if record == 0 { 0 } else { self.ends[record - 1] };
        &self.tokens[start..self.ends[record]]
    }

    /// Adds a record; returns its number.
    pub(super) fn insert(&mut self, tokens: &[u32]) -> usize {
        let record = self.ends.len();
        self.tokens.extend_from_slice(tokens);
        self.ends.push(self.tokens.len());
        self.n_longest = self.n_longest.max(tokens.len());
        self.query.n_shared.push(0);
        let n_new = self.ends.len();
        if n_new >= FIRST_ORDER && n_new.is_power_of_two() {
            self.order_anew();
        } else {
            self.post(record);
        }
        record
    }

    /// Replaces `out` by the records that may score more than `limit` (at least 0) with the text: all that do, none twice.
    pub(super) fn candidates(&mut self, tokens: &[u32], limit: f64, out: &mut Vec<usize>) {
        let n = tokens.len();
        self.look_up(tokens);
        let query = &mut self.query;
        out.clear();
        let shortest = set_required(n, limit, self.n_longest, &mut query.required);
        // Longer records need no fewer common tokens.
        let Some(fewest) = query.required.iter().copied().find(|required| *required != u32::MAX) else { return };
        for (i, (_, element)) in query.elements.iter().enumerate() {
            let place = query.n_unknown + i;
            if place + fewest as usize > n {
                break;
            }
            for posting in &self.lists[*element as usize] {
                let at = (posting.n_tokens as usize).wrapping_sub(shortest);
                let required = query.required.get(at).copied().unwrap_or(u32::MAX) as usize;
                let is_early = place + required <= n && posting.place as usize + required <= posting.n_tokens as usize;
                let n_shared = &mut query.n_shared[posting.record as usize];
                if is_early && *n_shared == 0 {
                    *n_shared = 1;
                    out.push(posting.record as usize);
                }
            }
        }
        for record in out {
            query.n_shared[*record] = 0;
        }
    }

    /// Records that share tokens with the text and how many, those with the highest bound on F roughly first.
    pub(super) fn by_shared_tokens(&mut self, tokens: &[u32]) -> Vec<(usize, usize)> {
        const N_BUCKETS: usize = 64;
        self.look_up(tokens);
        let query = &mut self.query;
        let mut found = Vec::new();
        for (_, element) in &query.elements {
            for posting in &self.lists[*element as usize] {
                let n_shared = &mut query.n_shared[posting.record as usize];
                if *n_shared == 0 {
                    found.push(posting.record as usize);
                }
                *n_shared += 1;
            }
        }
        let mut buckets: Vec<Vec<(usize, usize)>> = vec![Vec::new(); N_BUCKETS];
        for record in found {
            let n_shared = std::mem::take(&mut self.query.n_shared[record]) as usize;
            let bound = f_of(n_shared, self.tokens(record).len(), tokens.len());
            let bucket = ((1.0 - bound) * N_BUCKETS as f64) as usize;
            buckets[bucket.min(N_BUCKETS - 1)].push((record, n_shared));
        }
        buckets.concat()
    }

    /// Sets the query to the elements of a text.
    fn look_up(&mut self, tokens: &[u32]) {
        let query = &mut self.query;
        query.sorted.clear();
        query.sorted.extend_from_slice(tokens);
        query.elements.clear();
        for key in keys(&mut query.sorted) {
            if let Some(element) = self.elements.get(&key) {
                query.elements.push((self.ranks[*element as usize], *element));
            }
        }
        query.n_unknown = tokens.len() - query.elements.len();
        query.elements.sort_unstable();
    }

    /// Writes a record into the lists of its elements.
    fn post(&mut self, record: usize) {
        let mut sorted = self.tokens(record).to_vec();
        let n_tokens = sorted.len() as u32;
        let mut elements: Vec<(i64, Element)> = Vec::with_capacity(sorted.len());
        for key in keys(&mut sorted) {
            let element = *self.elements.entry(key).or_insert_with(|| {
                self.ranks.push(-(self.ranks.len() as i64) - 1);
                self.lists.push(Vec::new());
                (self.ranks.len() - 1) as Element
            });
            elements.push((self.ranks[element as usize], element));
        }
        elements.sort_unstable();
        for (place, (_, element)) in elements.into_iter().enumerate() {
            self.lists[element as usize].push(Posting { record: record as u32, n_tokens, place: place as u32 });
        }
    }

    /// Orders the elements by how many records have them, and writes all lists again.
    ///
    /// The newest record is not in the lists yet: its new elements come last in number, hence first in the order.
    fn order_anew(&mut self) {
        let mut order: Vec<Element> = (0..self.lists.len() as Element).collect();
        order.sort_unstable_by_key(|element| (self.lists[*element as usize].len(), *element));
        for (rank, element) in order.into_iter().enumerate() {
            self.ranks[element as usize] = rank as i64;
        }
        self.lists.iter_mut().for_each(Vec::clear);
        for record in 0..self.n_records() {
            self.post(record);
        }
    }
}

/// The elements of a bag of tokens: each token with the number of its repetition. Sorts the tokens.
fn keys(tokens: &mut [u32]) -> impl Iterator<Item = u64> {
    tokens.sort_unstable();
    let mut previous = None;
    let mut repetition = 0;
    tokens.iter().map(move |token| {
        repetition = if previous == Some(*token) { repetition + 1 } else { 0 };
        previous = Some(*token);
        u64::from(*token) << 32 | repetition
    })
}

/// For records of each length from the returned one on, the least number of common tokens that gives F > `limit` with a
/// text of `n`; `u32::MAX` if none does. Longer records than these never do.
fn set_required(n: usize, limit: f64, n_longest: usize, out: &mut Vec<u32>) -> usize {
    out.clear();
    if n == 0 || !(0.0..1.0).contains(&limit) {
        return 0;
    }
    // F is at most 2 min(m, n) / (m + n); one more on either side for rounding.
    let ratio = limit / (2.0 - limit);
    let shortest = ((n as f64 * ratio) as usize).saturating_sub(1).max(1);
    let longest = if ratio > 0.0 { (n as f64 / ratio) as usize } else { usize::MAX };
    for m in shortest..=longest.saturating_add(1).min(n_longest) {
        out.push(required(m, n, limit));
    }
    shortest
}

fn required(m: usize, n: usize, limit: f64) -> u32 {
    let n_most = m.min(n);
    let mut n_common = ((limit * (m + n) as f64 / 2.0) as usize).min(n_most);
    while n_common > 0 && f_of(n_common, m, n) > limit {
        n_common -= 1;
    }
    while n_common <= n_most && f_of(n_common, m, n) <= limit {
        n_common += 1;
    }
    if n_common <= n_most { n_common as u32 } else { u32::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_is_the_least_that_exceeds_the_limit() {
        for n in 1..40 {
            for m in 1..40 {
                for limit in [0.0, 0.1, 1.0 / 3.0, 0.5, 0.6, 0.7, 0.95] {
                    let expected = (0..=m.min(n)).find(|n_common| f_of(*n_common, m, n) > limit);
                    assert_eq!(required(m, n, limit), expected.map_or(u32::MAX, |n| n as u32), "{m} {n} {limit}");
                    let mut table = Vec::new();
                    let shortest = set_required(n, limit, 1000, &mut table);
                    let in_table = m.checked_sub(shortest).and_then(|at| table.get(at).copied()).unwrap_or(u32::MAX);
                    assert_eq!(in_table, required(m, n, limit), "{m} {n} {limit}");
                }
            }
        }
    }
}
