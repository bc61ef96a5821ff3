//! From buckets to clusters: which candidates are duplicates in truth.
//!
//! A shared band is a guess. Joining every bucket as it stands merges documents that are unlike, and chains of such guesses
//! make the giant clusters that all tools without verification report. Here an edge can be made to need the true Jaccard
//! similarity of the two shingle sets (as Lee et al. 2022, arXiv:2107.06499, do with edit similarity). A bucket's
//! square is never compared: its documents meet only its leaders, those that no earlier leader was close to.
//!
//! Clusters do not depend on the order of the documents: buckets come by key, and within a bucket documents are taken by an
//! order that the caller derives from their content, ties being equal texts.

use super::super::union_find::UnionFind;

/// Shingle sets of documents, as far as the caller holds them.
pub trait ShingleSets {
    /// The sorted distinct shingles of a document; none if it has none or is not loaded.
    fn get(&self, doc: u32) -> Option<&[u64]>;
}

/// How edges are verified.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verify {
    /// Least Jaccard similarity of an edge, in [0, 1].
    pub jaccard: f64,
    /// Most leaders of a bucket; a document of a bucket with as many that is close to none of them stays apart there.
    pub max_leaders: usize,
}

impl Default for Verify {
    /// 0.8, and 64 leaders.
    fn default() -> Self {
        Self { jaccard: 0.8, max_leaders: 64 }
    }
}

/// Why two documents were joined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// The document that joined.
    pub doc: u32,
    /// The leader it joined.
    pub leader: u32,
    /// The band in which they met.
    pub band: u32,
    /// Their true Jaccard similarity, where it was asked for.
    pub jaccard: Option<f64>,
}

/// What the joining did, in numbers of pairs or documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Joined {
    /// Buckets seen.
    pub n_buckets: u64,
    /// Buckets whose documents were all in one cluster already.
    pub n_settled_buckets: u64,
    /// Pairs whose shingle sets were compared.
    pub n_compared: u64,
    /// Pairs that became edges.
    pub n_edges: u64,
    /// Pairs not compared because they had been, in an earlier bucket.
    pub n_known: u64,
    /// Documents of a bucket that were not compared for want of their shingles.
    pub n_missing: u64,
    /// Documents of a bucket that met its most leaders and joined none.
    pub n_past_leaders: u64,
}

/// Joins the documents of buckets into clusters.
///
/// Memory: 4 bytes per document, 8 MiB at most for pairs known to be apart, and 16 bytes per document of a bucket.
#[derive(Debug)]
pub struct Joiner {
    clusters: UnionFind,
    verify: Option<Verify>,
    apart: Apart,
    joined: Joined,
    /// Of the bucket at hand: its documents by content, and its leaders.
    by_content: Vec<(u64, u32)>,
    leaders: Vec<u32>,
}

impl Joiner {
    /// `n_docs` documents, each alone. Without `verify` every bucket is one cluster.
    pub fn new(n_docs: u32, verify: Option<Verify>) -> Self {
        let apart = Apart::new(if verify.is_some() { n_docs as usize } else { 0 });
        let clusters = UnionFind::new(n_docs);
        Self { clusters, verify, apart, joined: Joined::default(), by_content: Vec::new(), leaders: Vec::new() }
    }

    /// Makes one cluster of two documents for a reason from elsewhere, such as an earlier run.
    pub fn link(&mut self, a: u32, b: u32) {
        self.clusters.union(a, b);
    }

    /// Whether a bucket can still change anything: if not, its shingle sets need not be loaded.
    pub fn is_open(&mut self, bucket: &[u32]) -> bool {
        bucket.split_first().is_some_and(|(first, rest)| rest.iter().any(|doc| !self.clusters.same(*first, *doc)))
    }

    /// Joins the documents of one bucket; calls `edge` for each pair that makes one cluster of two.
    ///
    /// `content` orders the documents by what they are, such as a hash of their text; equal values must mean equal texts.
    /// It and `sets` are not asked without verification. All buckets of a band must come before those of the next.
    pub fn join(
        &mut self,
        band: u32,
        bucket: &[u32],
        content: &dyn Fn(u32) -> u64,
        sets: &dyn ShingleSets,
        edge: &mut dyn FnMut(Edge),
    ) {
        self.joined.n_buckets += 1;
        if !self.is_open(bucket) {
            self.joined.n_settled_buckets += 1;
            return;
        }
        let Some(verify) = self.verify else { return self.join_star(band, bucket, edge) };
        self.by_content.clear();
        self.by_content.extend(bucket.iter().map(|doc| (content(*doc), *doc)));
        self.by_content.sort_unstable();
        self.leaders.clear();
        for at in 0..self.by_content.len() {
            self.meet_leaders(band, self.by_content[at].1, verify, sets, edge);
        }
    }

    /// Every document of the bucket joins its first.
    fn join_star(&mut self, band: u32, bucket: &[u32], edge: &mut dyn FnMut(Edge)) {
        let Some((&leader, rest)) = bucket.split_first() else { return };
        for &doc in rest {
            if self.clusters.union(leader, doc) {
                self.joined.n_edges += 1;
                edge(Edge { doc, leader, band, jaccard: None });
            }
        }
    }

    /// Compares a document with all leaders of its bucket; close to none, it becomes one.
    fn meet_leaders(
        &mut self,
        band: u32,
        doc: u32,
        verify: Verify,
        sets: &dyn ShingleSets,
        edge: &mut dyn FnMut(Edge),
    ) {
        let Some(own) = sets.get(doc) else {
            self.joined.n_missing += 1;
            return;
        };
        let mut follows = false;
        for &leader in &self.leaders {
            if self.clusters.same(doc, leader) {
                follows = true;
                continue;
            }
            if self.apart.contains(doc, leader) {
                self.joined.n_known += 1;
                continue;
            }
            let Some(other) = sets.get(leader) else { continue };
            self.joined.n_compared += 1;
            let Some(jaccard) = jaccard_at_least(own, other, verify.jaccard) else {
                self.apart.insert(doc, leader);
                continue;
            };
            follows = true;
            self.clusters.union(doc, leader);
            self.joined.n_edges += 1;
            edge(Edge { doc, leader, band, jaccard: Some(jaccard) });
        }
        match follows {
            true => {}
            false if self.leaders.len() < verify.max_leaders => self.leaders.push(doc),
            false => self.joined.n_past_leaders += 1,
        }
    }

    /// What was done so far.
    pub fn joined(&self) -> Joined {
        self.joined
    }

    /// The clusters, as the first document of each document's cluster.
    pub fn into_roots(self) -> Vec<u32> {
        self.clusters.into_roots()
    }
}

/// Pairs known to be apart: a table of whole pairs in which a newer one may replace an older one, so that it forgets but
/// never errs; what is forgotten is compared again, with the same result.
#[derive(Debug)]
struct Apart {
    pairs: Vec<u64>,
}

/// Entries of the largest table: 8 MiB.
const MAX_APART: usize = 1 << 20;

impl Apart {
    fn new(n_docs: usize) -> Self {
        // The pair (0, 0) is none and marks an empty entry.
        Self { pairs: vec![0; (4 * n_docs).next_power_of_two().min(MAX_APART)] }
    }

    fn place(&self, a: u32, b: u32) -> (usize, u64) {
        let pair = u64::from(a.min(b)) << 32 | u64::from(a.max(b));
        let hash = pair.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((hash >> 32) as usize & (self.pairs.len() - 1), pair)
    }

    fn contains(&self, a: u32, b: u32) -> bool {
        let (at, pair) = self.place(a, b);
        self.pairs[at] == pair
    }

    fn insert(&mut self, a: u32, b: u32) {
        let (at, pair) = self.place(a, b);
        self.pairs[at] = pair;
    }
}

/// The Jaccard similarity of two sorted sets, |a and b| / |a or b|. Two empty sets: 0, as nothing speaks for them.
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    jaccard_at_least(a, b, 0.0).unwrap_or(0.0)
}

/// The same where it is at least `least`; gives up as soon as it cannot be.
pub fn jaccard_at_least(a: &[u64], b: &[u64], least: f64) -> Option<f64> {
    // |a and b| >= least * |a or b| means |a and b| >= least / (1 + least) * (|a| + |b|); one less for rounding.
    let sum = a.len() + b.len();
    let needed = (least / (1.0 + least) * sum as f64) as usize;
    let needed = needed.saturating_sub(1);
    let spare_a = a.len().checked_sub(needed)?;
    let spare_b = b.len().checked_sub(needed)?;
    let (mut i, mut j, mut both) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        i += usize::from(x <= y);
        j += usize::from(y <= x);
        both += usize::from(x == y);
        if i - both > spare_a || j - both > spare_b {
            return None;
        }
    }
    let either = sum - both;
    let jaccard = if either == 0 { 0.0 } else { both as f64 / either as f64 };
    (jaccard >= least).then_some(jaccard)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    struct Sets(Vec<Vec<u64>>);

    impl ShingleSets for Sets {
        fn get(&self, doc: u32) -> Option<&[u64]> {
            self.0.get(doc as usize).map(Vec::as_slice).filter(|set| !set.is_empty())
        }
    }

    fn mix(i: u64) -> u64 {
        let z = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^ (z >> 32)
    }

    #[test]
    fn jaccard_is_that_of_the_sets() {
        // By hand.
        assert_eq!(jaccard(&[1, 2, 3, 4], &[3, 4, 5]), 0.4);
        assert_eq!(jaccard(&[1, 2], &[1, 2]), 1.0);
        assert_eq!(jaccard(&[1], &[2]), 0.0);
        assert_eq!(jaccard(&[], &[]), 0.0);
        assert_eq!(jaccard(&[], &[2]), 0.0);
        assert_eq!(jaccard_at_least(&[], &[], 0.5), None);
        // Exactly at the threshold counts.
        assert_eq!(jaccard_at_least(&[1, 2, 3, 4, 5], &[1, 2, 3, 4], 0.8), Some(0.8));
        assert_eq!(jaccard_at_least(&[1, 2, 3, 4, 5], &[1, 2, 3, 4], 0.81), None);
    }

    #[test]
    fn giving_up_early_never_changes_the_answer() {
        // Oracle: sets of the standard library.
        for case in 0..2000u64 {
            let set = |salt: u64, n: u64, range: u64| -> BTreeSet<u64> {
                (0..n).map(|i| mix(case << 20 | salt << 10 | i) % range).collect()
            };
            let (a, b) = (set(1, case % 40, 30), set(2, case % 33, 30));
            let truth = a.intersection(&b).count() as f64 / a.union(&b).count().max(1) as f64;
            let (a, b): (Vec<u64>, Vec<u64>) = (a.into_iter().collect(), b.into_iter().collect());
            assert_eq!(jaccard(&a, &b), truth);
            for least in [0.01, 0.3, 0.5, truth, 0.8, 1.0] {
                assert_eq!(jaccard_at_least(&a, &b, least), (truth >= least).then_some(truth), "{a:?} {b:?} {least}");
            }
        }
    }

    #[test]
    fn without_verification_a_bucket_is_a_star() {
        let mut joiner = Joiner::new(5, None);
        let mut edges = Vec::new();
        joiner.join(3, &[1, 2, 4], &|_| 0, &Sets(vec![]), &mut |edge| edges.push(edge));
        joiner.join(4, &[2, 4], &|_| 0, &Sets(vec![]), &mut |edge| edges.push(edge));
        assert_eq!(edges.len(), 2);
        assert_eq!(edges[1], Edge { doc: 4, leader: 1, band: 3, jaccard: None });
        assert_eq!((joiner.joined().n_buckets, joiner.joined().n_settled_buckets), (2, 1));
        assert_eq!(joiner.into_roots(), [0, 1, 1, 3, 1]);
    }

    #[test]
    fn only_true_neighbours_are_joined_and_no_pair_is_compared_twice() {
        // By hand: 0 and 2 share 8 of 10; 1 is unlike both; 3 has no shingles.
        let sets = Sets(vec![(0..9).collect(), (100..109).collect(), (0..8).chain([50]).collect(), vec![]]);
        let mut joiner = Joiner::new(4, Some(Verify::default()));
        let mut edges = Vec::new();
        for band in 0..3 {
            joiner.join(band, &[0, 1, 2, 3], &|doc| u64::from(doc), &sets, &mut |edge| edges.push(edge));
        }
        assert_eq!(edges, [Edge { doc: 2, leader: 0, band: 0, jaccard: Some(0.8) }]);
        let joined = joiner.joined();
        // 1-0, 2-0 and 2-1 once; 1-0 and 2-1 twice more known.
        assert_eq!((joined.n_compared, joined.n_known, joined.n_missing), (3, 4, 3));
        assert_eq!(joiner.into_roots(), [0, 1, 0, 3]);
    }

    #[test]
    fn leaders_are_bounded() {
        // 200 documents that are all unlike: each meets at most 10 leaders.
        let sets = Sets((0..200).map(|doc| (0..20).map(|i| doc << 32 | i).collect()).collect());
        let bucket: Vec<u32> = (0..200).collect();
        let mut joiner = Joiner::new(200, Some(Verify { jaccard: 0.5, max_leaders: 10 }));
        joiner.join(0, &bucket, &|doc| u64::from(doc), &sets, &mut |_| {});
        assert_eq!(joiner.joined().n_compared, 45 + 190 * 10);
        assert_eq!(joiner.joined().n_past_leaders, 190);
    }

    /// Families of documents around a threshold, so that who leads matters.
    fn families() -> Vec<Vec<u64>> {
        (0..400u64)
            .map(|doc| {
                let mut set: Vec<u64> = (0..60)
                    .filter(|i| !mix(doc << 8 | i).is_multiple_of(9))
                    .map(|i| mix((0xFF00 + doc % 20) << 8 | i))
                    .chain((0..4).map(|i| mix(doc << 40 | i)))
                    .collect();
                set.sort_unstable();
                set
            })
            .collect()
    }

    /// Clusters, as sets of names, of documents that stand in a given order.
    fn clusters(order: &[usize], by_content: bool) -> BTreeSet<BTreeSet<usize>> {
        let all = families();
        let sets = Sets(order.iter().map(|name| all[*name].clone()).collect());
        let place = |name: usize| order.iter().position(|n| *n == name).map_or(u32::MAX, |at| at as u32);
        let mut joiner = Joiner::new(400, Some(Verify { jaccard: 0.66, max_leaders: 6 }));
        for band in 0..4u32 {
            for bucket in 0..10 {
                let member = |name: &usize| mix((*name as u64) << 8 | u64::from(band)) % 10 == bucket;
                let mut docs: Vec<u32> = (0..400).filter(member).map(place).collect();
                docs.sort_unstable();
                let content = |doc: u32| if by_content { mix(order[doc as usize] as u64) } else { u64::from(doc) };
                joiner.join(band, &docs, &content, &sets, &mut |_| {});
            }
        }
        let roots = joiner.into_roots();
        let mut clusters = vec![BTreeSet::new(); 400];
        for (doc, root) in roots.iter().enumerate() {
            clusters[*root as usize].insert(order[doc]);
        }
        clusters.into_iter().filter(|cluster| cluster.len() > 1).collect()
    }

    #[test]
    fn clusters_do_not_depend_on_the_order_of_documents() {
        let straight: Vec<usize> = (0..400).collect();
        let expected = clusters(&straight, true);
        assert!(expected.len() > 20, "{}", expected.len());
        let mut differs_by_position = false;
        for shuffle in 1..6u64 {
            let mut order = straight.clone();
            order.sort_by_key(|name| mix(shuffle << 32 | *name as u64));
            assert_eq!(clusters(&order, true), expected);
            differs_by_position |= clusters(&order, false) != clusters(&straight, false);
        }
        // The aid is needed: by position alone the same documents fall otherwise.
        assert!(differs_by_position);
    }
}
