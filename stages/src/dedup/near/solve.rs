//! How near duplicates are found.
//!
//! Four steps. Read the texts once: shingles, signatures, band keys, the latter two to disk. Band by band, sort the
//! keys into buckets within the memory budget. With `verify`, read the texts of bucket members again and let an edge
//! count only if the true Jaccard similarity of the shingle sets says so. Join edges, choose survivors, write verdicts.
//!
//! The documents of an index take part like any others, numbered before the relation's: they have signatures, sets and
//! clusters already, and the survivor of a cluster is one of them where it has any.
//!
//! Memory: 40 bytes and the identifier per document, 4 more per bucket it is in with `verify`, the budget, and one shard's
//! signatures per core. The budget bounds the keys that are sorted at a time and the shingle sets that are loaded: with
//! too small a budget the relation is read in more rounds, with the same result.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use gristmill_core::error::{Error, Result};
use gristmill_core::stage::{Relation, SolveContext, Solver};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::super::minhash::bands::groups_of_band;
use super::super::minhash::params::Bands;
use super::super::minhash::shingle::{Scratch, Shingler, distinct};
use super::super::minhash::signature::{Permutations, agreement};
use super::super::minhash::verify::{Edge, Joiner, ShingleSets, Verify};
use super::super::scan::{self, Batch, Documents};
use super::super::signatures::{ShardSignatures, Signatures};
use super::super::survivor::{Policy, survivors};
use super::super::union_find;
use super::index::{self, About, IndexFile, SetsFile};
use crate::verdict::{self, Cluster, Verdict};

const RULE: &str = "first_of_its_kind";

/// The stage.
pub(super) struct Near {
    pub(super) stage: String,
    pub(super) bands: Bands,
    pub(super) verify: Option<Verify>,
    pub(super) shingler: Shingler,
    pub(super) permutations: Arc<Permutations>,
    pub(super) policy: Policy,
    pub(super) cluster: bool,
    pub(super) about: About,
    pub(super) index: Option<IndexFile>,
    pub(super) write_index: Option<PathBuf>,
}

/// What one shard yields.
#[derive(Default)]
struct ShardState {
    signatures: ShardSignatures,
    documents: Documents,
    content: Vec<u64>,
    n_shingles: Vec<u32>,
    /// The shingle sets, where an index wants them.
    sets: SetsFile,
    scratch: Scratch,
    shingles: Vec<u64>,
}

/// What is remembered of all shards; the documents of the index come first.
pub(super) struct Scanned {
    pub(super) documents: Documents,
    /// Hash of each text: the order in which a bucket's documents are taken.
    pub(super) content: Vec<u64>,
    pub(super) n_shingles: Vec<u32>,
    /// Documents of the index.
    pub(super) n_known: u32,
    /// Number of the first document of each shard of the relation.
    bases: Vec<u32>,
    pub(super) signatures: Signatures,
    /// Where the shards' shingle sets are, for an index.
    pub(super) sets: Vec<PathBuf>,
}

#[async_trait]
impl Solver for Near {
    async fn solve(&self, input: &dyn Relation, context: &SolveContext) -> Result<()> {
        let scanned = self.sign(input, context).await?;
        let n = scanned.documents.n(&self.stage)?;
        let mut joiner = Joiner::new(n, self.verify);
        if let Some(index) = &self.index {
            (0u32..).zip(index.roots()?).for_each(|(doc, root)| joiner.link(doc, root));
        }
        let mut edges: Vec<Edge> = Vec::new();
        let mut buckets: Vec<Bucket> = Vec::new();
        for band in 0..self.bands.bands {
            groups_of_band(
                n as usize,
                context.memory_bytes / 4,
                &mut |each| scanned.signatures.scan_band(band, each),
                &mut |members: &[u32]| {
                    // Documents of the index have met each other before.
                    let fresh = members.last().is_some_and(|last| *last >= scanned.n_known);
                    if fresh && joiner.is_open(members) {
                        buckets.push(Bucket { band: band as u32, members: members.into() });
                    }
                    Ok::<(), Error>(())
                },
            )?;
            if self.verify.is_none() {
                self.join(&buckets, &mut joiner, &scanned, &Sets::default(), &mut edges);
                buckets.clear();
            }
        }
        // With verification all bands are collected first: the texts are then read once, if the sets fit the budget.
        let mut rest = &buckets[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(round(rest, &scanned, context.memory_bytes / 2));
            let sets = self.load(now, &scanned, input, context).await?;
            self.join(now, &mut joiner, &scanned, &sets, &mut edges);
            rest = later;
        }
        let roots = joiner.into_roots();
        if let Some(folder) = &self.write_index {
            index::write(folder, &self.about, &scanned, &roots, self.index.as_ref())?;
        }
        self.write_verdicts(&roots, &edges, &scanned, context)
    }

    fn apply(&self, input: DataFrame, verdicts: &Path) -> Result<DataFrame> {
        scan::check_policy(&input, &self.policy, &self.stage)?;
        let cluster = self.cluster.then_some(self.stage.as_str());
        verdict::apply(input, &self.stage, verdicts, cluster)
    }

    fn depends_on(&self) -> Value {
        self.index.as_ref().map_or(Value::Null, |index| index.digest().into())
    }

    fn is_whole(&self) -> bool {
        self.write_index.as_ref().is_none_or(|folder| index::is_written(folder))
    }
}

impl Near {
    /// Reads the texts once and writes signatures and band keys.
    async fn sign(&self, input: &dyn Relation, context: &SolveContext) -> Result<Scanned> {
        let (shingler, permutations, policy) =
            (self.shingler.clone(), Arc::clone(&self.permutations), self.policy.clone());
        let keep_sets = self.write_index.is_some() && self.about.holds_sets;
        let each = move |_, state: &mut ShardState, batch: &_| {
            let batch = Batch::of(batch)?;
            for row in 0..batch.rows.len() {
                let text = batch.text(row);
                let doc = state.content.len() as u32;
                state.content.push(xxh3_64(text.as_bytes()));
                shingler.shingles(text, &mut state.scratch, &mut state.shingles);
                if keep_sets {
                    distinct(&mut state.shingles);
                    state.sets.push(&state.shingles);
                }
                state.n_shingles.push(state.shingles.len() as u32);
                if !state.shingles.is_empty() {
                    permutations.sign(&state.shingles, state.signatures.add(doc, permutations.n_values()));
                }
                state.documents.push(&batch, row, &policy);
            }
            Ok(())
        };
        let mut scanned = Scanned {
            documents: Documents::default(),
            content: Vec::new(),
            n_shingles: Vec::new(),
            n_known: 0,
            bases: Vec::new(),
            signatures: Signatures::new(&context.scratch, self.bands),
            sets: Vec::new(),
        };
        if let Some(index) = &self.index {
            index.load(&mut scanned, &self.policy)?;
        }
        scan::scan(input, scan::columns(&self.policy), context.jobs, each, |_, shard: ShardState| {
            let base = scanned.documents.n(&self.stage)?;
            scanned.bases.push(base);
            scanned.documents.append(&shard.documents);
            scanned.content.extend(shard.content);
            scanned.n_shingles.extend(shard.n_shingles);
            if keep_sets {
                let path = context.scratch.join(format!("sets-{:05}.bin", scanned.sets.len()));
                shard.sets.write(&path)?;
                scanned.sets.push(path);
            }
            scanned.signatures.write(base, shard.signatures)
        })
        .await?;
        Ok(scanned)
    }

    fn join(&self, buckets: &[Bucket], joiner: &mut Joiner, scanned: &Scanned, sets: &Sets, edges: &mut Vec<Edge>) {
        let content = |doc: u32| scanned.content[doc as usize];
        for bucket in buckets {
            joiner.join(bucket.band, &bucket.members, &content, sets, &mut |edge| edges.push(edge));
        }
    }

    /// Reads the shingle sets of all documents of some buckets.
    async fn load(
        &self,
        buckets: &[Bucket],
        scanned: &Scanned,
        input: &dyn Relation,
        context: &SolveContext,
    ) -> Result<Sets> {
        let mut wanted: Vec<u32> = buckets.iter().flat_map(|bucket| bucket.members.iter().copied()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let wanted: Arc<[u32]> = wanted.into();
        let (fresh, bases, shingler) = (Arc::clone(&wanted), scanned.bases.clone(), self.shingler.clone());
        #[derive(Default)]
        struct Loading {
            next: u32,
            scratch: Scratch,
            sets: Vec<(u32, Vec<u64>)>,
        }
        let each = move |shard: usize, state: &mut Loading, batch: &_| {
            let batch = Batch::of(batch)?;
            for row in 0..batch.rows.len() {
                let doc = bases[shard] + state.next;
                state.next += 1;
                if fresh.binary_search(&doc).is_ok() {
                    let mut set = Vec::new();
                    shingler.shingles(batch.text(row), &mut state.scratch, &mut set);
                    distinct(&mut set);
                    state.sets.push((doc, set));
                }
            }
            Ok(())
        };
        let mut sets = Sets::default();
        if let Some(index) = &self.index {
            let known = wanted.partition_point(|doc| *doc < scanned.n_known);
            sets.0.extend(index.sets(&wanted[..known], &scanned.n_shingles)?);
        }
        scan::scan(input, scan::columns(&Policy::First), context.jobs, each, |_, shard: Loading| {
            sets.0.extend(shard.sets);
            Ok(())
        })
        .await?;
        Ok(sets)
    }

    fn write_verdicts(&self, roots: &[u32], edges: &[Edge], scanned: &Scanned, context: &SolveContext) -> Result<()> {
        let documents = &scanned.documents;
        let n_known = scanned.n_known;
        // Documents of the index come before all others.
        let rank = |doc| if doc < n_known { 0 } else { documents.rank(doc).saturating_add(1) };
        let survivors = survivors(roots, rank);
        let sizes = union_find::sizes(roots);
        // Each document's own edge, or one that leads to it.
        let mut edge_of: HashMap<u32, &Edge> = edges.iter().map(|edge| (edge.leader, edge)).collect();
        edge_of.extend(edges.iter().map(|edge| (edge.doc, edge)));
        let verdicts = (0u32..).zip(roots).skip(n_known as usize).filter_map(|(doc, root)| {
            let (survivor, size) = (survivors[*root as usize], sizes[*root as usize]);
            if survivor == doc && (!self.cluster || size == 1) {
                return None;
            }
            let cluster = self.cluster.then(|| Cluster { id: documents.id(survivor).to_owned(), size });
            let row = documents.rows[doc as usize];
            if survivor == doc {
                return Some(Ok(Verdict { row, rule: None, evidence: None, cluster }));
            }
            let evidence = self.evidence(doc, survivor, size, edge_of.get(&doc).copied(), scanned);
            Some(evidence.map(|evidence| Verdict { row, rule: Some(RULE), evidence: Some(evidence), cluster }))
        });
        verdict::write(&context.verdicts, verdicts)
    }

    /// What the ledger says of a duplicate: who survived, and the pair that joined it to the cluster.
    fn evidence(&self, doc: u32, survivor: u32, size: u32, edge: Option<&Edge>, scanned: &Scanned) -> Result<String> {
        let mut evidence = json!({ "survivor": scanned.documents.id(survivor), "cluster_size": size });
        if survivor < scanned.n_known {
            evidence["survivor_in"] = "index".into();
        }
        if let Some(edge) = edge {
            let other = if edge.doc == doc { edge.leader } else { edge.doc };
            let pair = (scanned.signatures.get(doc)?, scanned.signatures.get(other)?);
            evidence["joined_to"] = scanned.documents.id(other).into();
            evidence["band"] = edge.band.into();
            if let (Some(a), Some(b)) = pair {
                evidence["jaccard_estimated"] = agreement(&a, &b).into();
            }
            evidence["jaccard_verified"] = edge.jaccard.into();
        }
        Ok(evidence.to_string())
    }
}

/// Documents that share a band key.
struct Bucket {
    band: u32,
    members: Box<[u32]>,
}

/// How many of the next buckets' shingle sets fit a budget; at least one.
fn round(buckets: &[Bucket], scanned: &Scanned, budget_bytes: usize) -> usize {
    let (mut bytes, mut seen) = (0, HashSet::new());
    for (i, bucket) in buckets.iter().enumerate() {
        let fresh = bucket.members.iter().filter(|doc| seen.insert(**doc));
        bytes += fresh.map(|doc| 8 * scanned.n_shingles[*doc as usize] as usize + 64).sum::<usize>();
        if bytes > budget_bytes && i > 0 {
            return i;
        }
    }
    buckets.len()
}

/// Loaded shingle sets.
#[derive(Default)]
struct Sets(HashMap<u32, Vec<u64>>);

impl ShingleSets for Sets {
    fn get(&self, doc: u32) -> Option<&[u64]> {
        self.0.get(&doc).map(Vec::as_slice)
    }
}
