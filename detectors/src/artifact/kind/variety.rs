//! Variety within a side: the diversity block of the page.

use super::pair::Pair;
use crate::artifact::collect::Collector;
use crate::artifact::corpus::{Doc, Vocabulary};
use crate::artifact::draws::Draws;
use crate::artifact::finding::Estimate;
use crate::artifact::lexicon::WordSet;
use crate::artifact::measure::effect::{newcombe, wilson};
use crate::artifact::measure::spectrum::Similarities;
use crate::artifact::measure::{bleu, compression, discrete, lexical, ngrams, zipf};
use crate::artifact::metric::Metric;
use crate::artifact::metrics::variety as table;
use crate::artifact::resample::Part;
use hashbrown::HashMap;

/// Stands for a word that is no function word in a skeleton.
const BLANK: u32 = u32::MAX;

/// All of it.
pub(crate) fn variety(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    of_documents(pair, out);
    of_words(pair, vocabulary.n_words(), out);
    of_sets(pair, out);
    of_openings(pair, vocabulary, out);
    vendi(pair, out);
}

fn of_documents(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let parts = pair.parts(|doc| match doc.words.len() {
        n if n > 0 && n >= params.mtld_min_words => (lexical::mtld(&doc.words, params.mtld_threshold), 1.0),
        _ => (0.0, 0.0),
    });
    out.ratio(&table::MTLD, parts.each_ref().map(Vec::as_slice)).by_slice(pair.slices.iter().copied(), &parts[1]);
    let parts = pair.parts(|doc| lexical::hdd(&doc.words, params.hdd_draws).map_or((0.0, 0.0), |hdd| (hdd, 1.0)));
    out.ratio(&table::HDD, parts.each_ref().map(Vec::as_slice)).by_slice(pair.slices.iter().copied(), &parts[1]);
    let parts = pair.parts(|doc| {
        let (covered, all) = ngrams::repeated_within(&doc.words, 3);
        (covered as f64, all as f64)
    });
    out.ratio(&table::REPEATED_WITHIN, parts.each_ref().map(Vec::as_slice))
        .by_slice(pair.slices.iter().copied(), &parts[1]);
    let parts = pair.parts(|doc| sentence_cv(doc, params.cv_min_sentences));
    out.ratio(&table::SENTENCE_CV, parts.each_ref().map(Vec::as_slice))
        .by_slice(pair.slices.iter().copied(), &parts[1]);
}

/// Standard deviation over mean of the sentences' lengths in tokens.
fn sentence_cv(doc: &Doc<'_>, min_sentences: usize) -> Part {
    let lengths = || doc.sentence_tokens().map(|tokens| tokens.len() as f64);
    let n = doc.sentence_token_ends.len();
    if n < min_sentences.max(1) {
        return (0.0, 0.0);
    }
    let mean = lengths().sum::<f64>() / n as f64;
    let variance = lengths().map(|length| (length - mean).powi(2)).sum::<f64>() / n as f64;
    (variance.sqrt() / mean, 1.0)
}

/// The first `budget` words of some texts.
fn first_words(pair: &Pair<'_>, side: usize, docs: &[u32], budget: usize) -> Vec<u32> {
    docs.iter().flat_map(|doc| pair.doc(side, *doc).words.iter().copied()).take(budget).collect()
}

fn of_words(pair: &Pair<'_>, n_types: usize, out: &mut Collector<'_>) {
    let params = out.params;
    let members = pair.sets.each_ref().map(Vec::as_slice);
    let n_tokens = params.type_token_words.min(pair.least(|doc| doc.tokens.len()));
    for (metric, n) in [(&table::DISTINCT_1, 1), (&table::DISTINCT_2, 2), (&table::DISTINCT_4, 4)] {
        out.of_sets(metric, members, |side, docs| {
            lexical::distinct_n(pair.tokens(side, docs), n, pair.budget(side, docs.len(), n_tokens))
        });
    }
    out.of_sets(&table::DISTINCT_ADJUSTED, members, |side, docs| {
        lexical::adjusted_distinct(pair.tokens(side, docs), n_types, pair.budget(side, docs.len(), n_tokens))
    });
    let budget = params.type_token_words.min(pair.least(|doc| doc.words.len()));
    out.of_sets(&table::YULE_K, members, |side, docs| {
        lexical::yule_k(&first_words(pair, side, docs, pair.budget(side, docs.len(), budget)))
    });
    let fit = |side: usize, docs: &[u32]| {
        zipf::zipf_fit(&first_words(pair, side, docs, pair.budget(side, docs.len(), budget)), params.zipf_max_rank, 2)
    };
    out.of_sets(&table::ZIPF_EXPONENT, members, |side, docs| fit(side, docs).map(|fit| fit.exponent));
    out.of_sets(&table::ZIPF_FIT, members, |side, docs| fit(side, docs).map(|fit| fit.r_squared));
}

fn of_sets(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let members = pair.sets.each_ref().map(Vec::as_slice);
    out.of_sets(&table::COMPRESSION, members, |side, docs| {
        compression::compression_ratio(docs.iter().map(|doc| pair.doc(side, *doc).text))
    });
    // As many documents in a half as in the whole, for the measure rises with the number of references.
    let n_bleu = |n: usize| params.self_bleu_docs.min(if n >= 4 { n / 2 } else { n });
    out.of_sets(&table::SELF_BLEU, members, |side, docs| {
        let picked = Draws::new(params.seed, "self-bleu", side as u64).choose(docs.len(), n_bleu(members[side].len()));
        let tokens = |place: &u32| pair.doc(side, docs[*place as usize]).tokens.as_slice();
        let texts: Vec<&[u32]> =
            picked.iter().map(tokens).map(|tokens| &tokens[..tokens.len().min(params.self_bleu_words)]).collect();
        bleu::self_bleu(&texts)
    });
    let words = |side: usize, docs: &[u32]| pair.words(side, docs);
    out.of_sets(&table::SELF_REPETITION, members, |side, docs| {
        ngrams::self_repetition(words(side, docs).into_iter(), 4)
    });
    out.of_sets(&table::SHARED_GRAMS, members, |side, docs| {
        ngrams::shared_across(pair.tokens(side, docs).into_iter(), 5)
    });
}

/// The commonest of some keys: it, its count and how many keys there are. The earliest of equals.
fn commonest<'k>(keys: impl Iterator<Item = &'k [u32]>) -> Option<(&'k [u32], usize, usize)> {
    let mut counts: HashMap<&[u32], (usize, usize)> = HashMap::new();
    let mut n = 0;
    for key in keys {
        counts.entry(key).or_insert((0, n)).0 += 1;
        n += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)))?;
    Some((most.0, most.1.0, n))
}

fn of_openings(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    const OPENING_WORDS: usize = 3;
    const SKELETON_WORDS: usize = 6;
    let members = pair.sets.each_ref().map(Vec::as_slice);
    let budget = pair.least(|doc| doc.sentence_ends.len());
    let entropy = |firsts: Vec<u32>| {
        let mut counts: Vec<(u32, u32)> = lexical::counts(&firsts).into_iter().collect();
        counts.sort_unstable();
        discrete::entropy_bits(&counts.into_iter().map(|(_, count)| f64::from(count)).collect::<Vec<f64>>())
    };
    out.of_sets(&table::OPENER_ENTROPY, members, |side, docs| {
        let firsts = docs.iter().flat_map(|doc| pair.doc(side, *doc).sentences().filter_map(<[u32]>::first));
        entropy(firsts.take(pair.budget(side, docs.len(), budget)).copied().collect())
    });
    out.of_sets(&table::OPENER_TOKEN_ENTROPY, members, |side, docs| {
        let firsts = docs.iter().flat_map(|doc| pair.doc(side, *doc).sentence_tokens().filter_map(<[u32]>::first));
        entropy(firsts.copied().collect())
    });
    let words = |side: usize, doc: &u32| &pair.doc(side, *doc).words[..];
    let openings = [0, 1].map(|side: usize| {
        commonest(
            members[side].iter().map(|doc| words(side, doc)).map(|words| &words[..words.len().min(OPENING_WORDS)]),
        )
    });
    top_share(&table::TOP_OPENING, openings, vocabulary, out);
    let function_words = WordSet::named("function", vocabulary);
    let blank = |word: &u32| if function_words.contains(*word) { *word } else { BLANK };
    let skeletons = [0, 1].map(|side: usize| {
        let first = |doc: &u32| pair.doc(side, *doc).sentences().next().filter(|words| words.len() >= 4);
        let skeleton = |words: &[u32]| words.iter().take(SKELETON_WORDS).map(blank).collect::<Vec<u32>>();
        members[side].iter().filter_map(first).map(skeleton).collect::<Vec<Vec<u32>>>()
    });
    let tops = skeletons.each_ref().map(|skeletons| commonest(skeletons.iter().map(Vec::as_slice)));
    top_share(&table::SKELETON, tops, vocabulary, out);
}

/// The share of the commonest key of each side. Neither bootstrap nor halves fit the largest of small counts, which both make
/// larger than it is: the intervals are those of a share.
fn top_share(
    metric: &Metric,
    tops: [Option<(&[u32], usize, usize)>; 2],
    vocabulary: &Vocabulary,
    out: &mut Collector<'_>,
) {
    let shares = tops.map(|top| top.map(|(_, count, n)| (count as f64, n as f64)));
    let estimates =
        shares.map(|share| share.map(|(hits, n)| Estimate::bare(hits / n, n as usize).with(wilson(hits, n))));
    let gap = shares[0].zip(shares[1]).and_then(|(left, right)| newcombe(left, right));
    let finding = out.values(metric, estimates, gap);
    finding.is_size_matched = true;
    for (side, top) in tops.into_iter().enumerate() {
        if let Some((words, count, _)) = top.filter(|(_, count, _)| *count > 1) {
            let name = |word: &u32| if *word == BLANK { "_" } else { vocabulary.word(*word) };
            let label = words.iter().map(name).collect::<Vec<_>>().join(" ");
            let value = Some(count as f64);
            finding.detail(format!("times: {label}"), value.filter(|_| side == 0), value.filter(|_| side == 1));
        }
    }
}

fn vendi(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let picked = pair.pick(params.seed, "vendi", params.vendi_docs);
    let similarities = [0, 1].map(|side: usize| {
        let texts: Vec<&str> = picked[side].iter().map(|doc| pair.doc(side, *doc).text).collect();
        Similarities::of_trigrams(&texts, params.vendi_chars)
    });
    let members = picked.each_ref().map(|docs| (0..docs.len() as u32).collect::<Vec<u32>>());
    out.of_sets(&table::VENDI, members.each_ref().map(Vec::as_slice), |side, docs| similarities[side].vendi(docs));
}
