//! `kind = "dedup.minhash"`: one document of each group of near duplicates.
//!
//! Four steps. Read the texts once: shingles, signatures, band keys, the latter two to disk. Band by band, sort the
//! keys into buckets within the memory budget. With `verify`, read the texts of bucket members again and let an edge
//! count only if the true Jaccard similarity of the shingle sets says so. Join edges, choose survivors, write verdicts.
//!
//! Memory: 40 bytes and the identifier per document, 4 more per bucket it is in with `verify`, the budget, and one shard's
//! signatures per core. The budget bounds the keys that are sorted at a time and the shingle sets that are loaded: with
//! too small a budget the relation is read in more rounds, with the same result.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Relation, SolveContext, Solver, Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::minhash::bands::groups_of_band;
use super::minhash::normal::Normal;
use super::minhash::params::Bands;
use super::minhash::shingle::{Scratch, Shingler, Short, distinct};
use super::minhash::signature::{Permutations, agreement};
use super::minhash::verify::{Edge, Joiner, ShingleSets, Verify};
use super::scan::{self, Batch, Documents};
use super::signatures::{ShardSignatures, Signatures};
use super::survivor::{Policy, survivors};
use crate::verdict::{self, Verdict};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "dedup.minhash",
    version: 1,
    about: "Keeps one document of each cluster of near duplicates; the others are dropped by `first_of_its_kind`.",
    source: "Broder 1997; FineWeb (Penedo et al. 2024): 5-word shingles, 14 bands of 8 rows; verification after Lee et al. 2022",
    takes_input: true,
    params: &[
        ParamDoc { name: "bands, rows", default: "14, 8", about: "split of the signature" },
        ParamDoc {
            name: "threshold, permutations",
            default: "none",
            about: "instead of bands and rows: the split of so many values that errs least around a Jaccard similarity",
        },
        ParamDoc { name: "shingle_words", default: "5", about: "words per shingle" },
        ParamDoc {
            name: "verify",
            default: "none",
            about: "least true Jaccard similarity of an edge, in (0, 1]; none: a shared band is enough",
        },
        ParamDoc {
            name: "max_leaders",
            default: "64",
            about: "with verify: documents of a bucket that others are compared with",
        },
        ParamDoc {
            name: "short",
            default: "\"whole\"",
            about: "documents under shingle_words words: whole = one shingle, keep = never duplicates",
        },
        ParamDoc { name: "lower, numbers, punctuation, marks", default: "true", about: "steps of the normalisation" },
        ParamDoc {
            name: "survivor",
            default: "\"first\"",
            about: "first, longest, newest, best:COLUMN, or a list of sources; ties go to the first",
        },
    ],
    build,
};

const RULE: &str = "first_of_its_kind";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    bands: Option<usize>,
    rows: Option<usize>,
    threshold: Option<f64>,
    permutations: Option<usize>,
    #[serde(default = "five")]
    shingle_words: usize,
    verify: Option<f64>,
    #[serde(default = "sixty_four")]
    max_leaders: usize,
    #[serde(default)]
    short: ShortParam,
    #[serde(default = "yes")]
    lower: bool,
    #[serde(default = "yes")]
    numbers: bool,
    #[serde(default = "yes")]
    punctuation: bool,
    #[serde(default = "yes")]
    marks: bool,
    survivor: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum ShortParam {
    #[default]
    Whole,
    Keep,
}

fn five() -> usize {
    5
}
fn sixty_four() -> usize {
    64
}
fn yes() -> bool {
    true
}

struct Near {
    stage: String,
    bands: Bands,
    verify: Option<Verify>,
    shingler: Shingler,
    permutations: Arc<Permutations>,
    policy: Policy,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let bands = split(&params)?;
    if params.shingle_words == 0 {
        return Err(ParamError::at("shingle_words", "expected at least 1 word"));
    }
    if params.verify.is_some_and(|jaccard| !(jaccard > 0.0 && jaccard <= 1.0)) {
        return Err(ParamError::at("verify", "expected a Jaccard similarity in (0, 1]"));
    }
    let short = match params.short {
        ShortParam::Whole => Short::Whole,
        ShortParam::Keep => Short::Keep,
    };
    let normal = Normal {
        lower: params.lower,
        numbers: params.numbers,
        punctuation: params.punctuation,
        marks: params.marks,
        ..Normal::default()
    };
    Ok(Stage::Solver(Arc::new(Near {
        stage: spec.name.to_owned(),
        bands,
        verify: params.verify.map(|jaccard| Verify { jaccard, max_leaders: params.max_leaders }),
        shingler: Shingler::new(params.shingle_words, short, normal),
        permutations: Arc::new(Permutations::new(bands.n_values(), spec.seed)),
        policy: scan::policy(params.survivor.as_ref())?,
    })))
}

fn split(params: &Params) -> Result<Bands, ParamError> {
    match (params.bands, params.rows, params.threshold, params.permutations) {
        (None, None, None, None) => Ok(Bands::default()),
        (Some(bands), Some(rows), None, None) => {
            Bands::new(bands, rows).map_err(|e| ParamError::at("bands", e.to_string()))
        }
        (None, None, Some(threshold), Some(n)) => {
            Bands::optimal(threshold, n).map_err(|e| ParamError::at("threshold", e.to_string()))
        }
        _ => Err(ParamError::at("bands", "give both bands and rows, or both threshold and permutations")),
    }
}

/// What one shard yields.
#[derive(Default)]
struct ShardState {
    signatures: ShardSignatures,
    documents: Documents,
    content: Vec<u64>,
    n_shingles: Vec<u32>,
    scratch: Scratch,
    shingles: Vec<u64>,
}

/// What is remembered of all shards.
struct Scanned {
    documents: Documents,
    /// Hash of each text: the order in which a bucket's documents are taken.
    content: Vec<u64>,
    n_shingles: Vec<u32>,
    /// Number of the first document of each shard.
    bases: Vec<u32>,
    signatures: Signatures,
}

#[async_trait]
impl Solver for Near {
    async fn solve(&self, input: &dyn Relation, context: &SolveContext) -> Result<()> {
        let scanned = self.sign(input, context).await?;
        let n = scanned.documents.n(&self.stage)?;
        let mut joiner = Joiner::new(n, self.verify);
        let mut edges: Vec<Edge> = Vec::new();
        let mut buckets: Vec<Bucket> = Vec::new();
        for band in 0..self.bands.bands {
            groups_of_band(
                n as usize,
                context.memory_bytes / 4,
                &mut |each| scanned.signatures.scan_band(band, each),
                &mut |members: &[u32]| {
                    if joiner.is_open(members) {
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
        self.write_verdicts(&joiner.into_roots(), &edges, &scanned, context)
    }

    fn apply(&self, input: DataFrame, verdicts: &Path) -> Result<DataFrame> {
        scan::check_policy(&input, &self.policy, &self.stage)?;
        verdict::apply(input, &self.stage, verdicts)
    }
}

impl Near {
    /// Reads the texts once and writes signatures and band keys.
    async fn sign(&self, input: &dyn Relation, context: &SolveContext) -> Result<Scanned> {
        let (shingler, permutations, policy) =
            (self.shingler.clone(), Arc::clone(&self.permutations), self.policy.clone());
        let each = move |_, state: &mut ShardState, batch: &_| {
            let batch = Batch::of(batch)?;
            for row in 0..batch.rows.len() {
                let text = batch.text(row);
                let doc = state.content.len() as u32;
                state.content.push(xxh3_64(text.as_bytes()));
                shingler.shingles(text, &mut state.scratch, &mut state.shingles);
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
            bases: Vec::new(),
            signatures: Signatures::new(&context.scratch, self.bands),
        };
        scan::scan(input, scan::columns(&self.policy), context.jobs, each, |_, shard: ShardState| {
            let base = scanned.documents.n(&self.stage)?;
            scanned.bases.push(base);
            scanned.documents.append(&shard.documents);
            scanned.content.extend(shard.content);
            scanned.n_shingles.extend(shard.n_shingles);
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
        let (wanted, bases, shingler) = (Arc::new(wanted), scanned.bases.clone(), self.shingler.clone());
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
                if wanted.binary_search(&doc).is_ok() {
                    let mut set = Vec::new();
                    shingler.shingles(batch.text(row), &mut state.scratch, &mut set);
                    distinct(&mut set);
                    state.sets.push((doc, set));
                }
            }
            Ok(())
        };
        let mut sets = Sets::default();
        scan::scan(input, scan::columns(&Policy::First), context.jobs, each, |_, shard: Loading| {
            sets.0.extend(shard.sets);
            Ok(())
        })
        .await?;
        Ok(sets)
    }

    fn write_verdicts(&self, roots: &[u32], edges: &[Edge], scanned: &Scanned, context: &SolveContext) -> Result<()> {
        let documents = &scanned.documents;
        let survivors = survivors(roots, |doc| documents.rank(doc));
        let sizes = super::union_find::sizes(roots);
        // Each document's own edge, or one that leads to it.
        let mut edge_of: HashMap<u32, &Edge> = edges.iter().map(|edge| (edge.leader, edge)).collect();
        edge_of.extend(edges.iter().map(|edge| (edge.doc, edge)));
        let verdicts = (0u32..).zip(roots).filter_map(|(doc, root)| {
            let survivor = survivors[*root as usize];
            (survivor != doc).then(|| {
                let size = sizes[*root as usize];
                let evidence = self.evidence(doc, survivor, size, edge_of.get(&doc).copied(), scanned)?;
                Ok(Verdict { row: documents.rows[doc as usize], rule: Some(RULE), evidence: Some(evidence) })
            })
        });
        verdict::write(&context.verdicts, verdicts)
    }

    /// What the ledger says of a duplicate: who survived, and the pair that joined it to the cluster.
    fn evidence(&self, doc: u32, survivor: u32, size: u32, edge: Option<&Edge>, scanned: &Scanned) -> Result<String> {
        let mut evidence = json!({ "survivor": scanned.documents.id(survivor), "cluster_size": size });
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
