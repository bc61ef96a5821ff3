//! Which documents belong together: disjoint sets over document numbers.
//!
//! Four bytes per document. The smaller root always wins a union, so that the root of a set is its first document whatever the
//! order of the unions. Path halving keeps finds near constant (Tarjan and van Leeuwen 1984); uniting by index rather than
//! by size costs a logarithm in the worst case and saves the sizes.

/// Disjoint sets of the documents 0, 1, … n - 1.
#[derive(Debug, Clone)]
pub struct UnionFind {
    /// Never larger than the index it stands at.
    parent: Vec<u32>,
}

impl UnionFind {
    /// `n_docs` documents, each alone.
    pub fn new(n_docs: u32) -> Self {
        Self { parent: (0..n_docs).collect() }
    }

    /// The first document of the set of `doc`; a document out of range is its own.
    pub fn find(&mut self, mut doc: u32) -> u32 {
        while let Some(&parent) = self.parent.get(doc as usize) {
            if parent == doc {
                break;
            }
            let grandparent = self.parent[parent as usize];
            self.parent[doc as usize] = grandparent;
            doc = grandparent;
        }
        doc
    }

    /// Whether both documents are in one set.
    pub fn same(&mut self, a: u32, b: u32) -> bool {
        self.find(a) == self.find(b)
    }

    /// Makes one set of the sets of `a` and `b`; false if they were one, or if either is out of range.
    pub fn union(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        match self.parent.get_mut(high as usize) {
            Some(parent) if low != high => {
                *parent = low;
                true
            }
            _ => false,
        }
    }

    /// The first document of each document's set.
    pub fn into_roots(self) -> Vec<u32> {
        let mut roots = self.parent;
        for doc in 0..roots.len() {
            // Parents come before their children, so theirs is a root already.
            roots[doc] = roots[roots[doc] as usize];
        }
        roots
    }
}

/// At each root the number of documents of its set, 0 elsewhere.
pub fn sizes(roots: &[u32]) -> Vec<u32> {
    let mut sizes = vec![0; roots.len()];
    for root in roots {
        if let Some(size) = sizes.get_mut(*root as usize) {
            *size += 1;
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_the_first_documents() {
        // By hand: {0, 3, 4, 5}, {1}, {2, 6}.
        let unions = [(4, 5), (5, 3), (6, 2), (3, 0)];
        for reversed in [false, true] {
            let mut sets = UnionFind::new(7);
            let mut unions = unions.to_vec();
            if reversed {
                unions.reverse();
            }
            for (a, b) in unions {
                assert!(sets.union(a, b));
                assert!(!sets.union(b, a));
            }
            assert!(sets.same(0, 5) && !sets.same(0, 6));
            let roots = sets.into_roots();
            assert_eq!(roots, [0, 1, 2, 0, 0, 0, 2]);
            assert_eq!(sizes(&roots), [4, 1, 2, 0, 0, 0, 0]);
        }
    }

    #[test]
    fn long_chains_and_strangers_are_fine() {
        let mut sets = UnionFind::new(100_000);
        for doc in (1..100_000).rev() {
            sets.union(doc, doc - 1);
        }
        assert_eq!(sets.find(99_999), 0);
        assert!(!sets.union(5, 100_000));
        assert!(sets.into_roots().iter().all(|root| *root == 0));
        assert!(UnionFind::new(0).into_roots().is_empty());
    }
}
