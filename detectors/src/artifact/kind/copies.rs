//! Copies: within a side, of the seeds, of the reference, of evaluation sets.

use super::pair::Pair;
use crate::artifact::collect::Collector;
use crate::artifact::corpus::Vocabulary;
use crate::artifact::finding::Estimate;
use crate::artifact::inputs::Inputs;
use crate::artifact::measure::contamination::{Overlap, overlap};
use crate::artifact::measure::duplicates::{near_across, near_within, shingles};
use crate::artifact::measure::effect::wilson;
use crate::artifact::measure::lcs::Pattern;
use crate::artifact::measure::ngrams::{gram_set, hash_of, ngrams};
use crate::artifact::metrics::traces as table;
use crate::artifact::resample::{Part, ratio};
use hashbrown::HashSet;
use rayon::prelude::*;

/// All of it.
pub(crate) fn copies(pair: &Pair<'_>, inputs: &Inputs<'_>, vocabulary: &mut Vocabulary, out: &mut Collector<'_>) {
    exact(pair, out);
    near(pair, out);
    of_seeds(pair, inputs, vocabulary, out);
    of_evaluation(pair, inputs, vocabulary, out);
}

fn exact(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let parts = pair.corpora.each_ref().map(|corpus| {
        let mut seen = HashSet::new();
        let mut is_copy = |words: &[u32]| f64::from(u8::from(!seen.insert(hash_of(words))));
        let counts = |words: &[u32]| !words.is_empty() && words.len() >= params.duplicate_min_words;
        corpus
            .docs
            .iter()
            .map(|doc| if counts(&doc.words) { (is_copy(&doc.words), 1.0) } else { (0.0, 0.0) })
            .collect::<Vec<Part>>()
    });
    out.ratio(&table::EXACT_DUPLICATES, parts.each_ref().map(Vec::as_slice))
        .by_slice(pair.slices.iter().copied(), &parts[1])
        .examples(params, pair.shown(&parts[1]));
}

fn near(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let sets = pair.corpora.each_ref().map(|corpus| {
        let of = |words: &[u32]| {
            if words.len() < params.duplicate_min_words { Vec::new() } else { shingles(words, params.shingle_words) }
        };
        corpus.docs.par_iter().map(|doc| of(&doc.words)).collect::<Vec<Vec<u64>>>()
    });
    let parts = |sets: &[Vec<u64>]| {
        let mut parts: Vec<Part> = sets.iter().map(|set| (0.0, if set.is_empty() { 0.0 } else { 1.0 })).collect();
        let pairs = near_within(sets, params.near_jaccard);
        pairs.iter().for_each(|near| parts[near.at].0 = 1.0);
        (parts, pairs)
    };
    let [(reference, _), (candidate, pairs)] = sets.each_ref().map(|sets| parts(sets));
    let matched = [0, 1].map(|side: usize| {
        let sets: Vec<Vec<u64>> = pair.matched[side].iter().map(|doc| sets[side][*doc as usize].clone()).collect();
        ratio(parts(&sets).0.into_iter())
    });
    let text = |doc: usize| pair.corpora[1].docs[doc].text;
    let shown = pairs.iter().map(|near| {
        let (row, other) = (pair.row(1, near.at as u32), pair.row(1, near.other as u32));
        (row, format!("[{:.2} with row {other}] {}", near.jaccard, text(near.at)))
    });
    out.ratio(&table::NEAR_DUPLICATES, [&reference, &candidate])
        .detail("of as many documents on both sides", matched[0], matched[1])
        .by_slice(pair.slices.iter().copied(), &candidate)
        .examples(params, shown);
    if !pair.has_both() {
        return out.cannot(&table::REFERENCE_COPIES, "one side has no text to compare with");
    }
    let across = near_across(&sets[1], &sets[0], params.near_jaccard);
    let n = sets[1].iter().filter(|set| !set.is_empty()).count();
    let estimate = Estimate::bare(across.len() as f64 / n.max(1) as f64, n).with(wilson(across.len() as f64, n as f64));
    let shown = across.iter().map(|near| (pair.row(1, near.at as u32), text(near.at)));
    out.between(&table::REFERENCE_COPIES, estimate).examples(params, shown);
}

fn read_all<'s>(texts: impl IntoIterator<Item = &'s String>, vocabulary: &mut Vocabulary) -> Vec<Vec<u32>> {
    let mut read = |text: &String| {
        let mut words = Vec::new();
        vocabulary.read(text, &mut words);
        words
    };
    texts.into_iter().map(&mut read).collect()
}

fn of_seeds(pair: &Pair<'_>, inputs: &Inputs<'_>, vocabulary: &mut Vocabulary, out: &mut Collector<'_>) {
    let params = out.params;
    let seeds = read_all(inputs.seeds, vocabulary);
    if seeds.iter().all(Vec::is_empty) {
        return out.cannot(&table::SEED_COPIES, "no seeds were given");
    }
    let known = gram_set(seeds.iter().map(Vec::as_slice), params.copy_n);
    let head = |words: &[u32]| words[..words.len().min(params.rouge_words)].to_vec();
    let patterns: Vec<Pattern> = seeds
        .iter()
        .filter(|words| !words.is_empty())
        .take(params.rouge_docs)
        .map(|words| Pattern::new(&head(words)))
        .collect();
    let is_copy = |words: &[u32]| {
        ngrams(words, params.copy_n).any(|gram| known.contains(&gram))
            || patterns.iter().any(|pattern| pattern.rouge_l(&head(words)) >= params.similar_rouge_l)
    };
    // A reference that is made of the seeds would be all copies: only the candidate is asked.
    let docs = &pair.corpora[1].docs;
    let parts: Vec<Part> = docs
        .par_iter()
        .map(|doc| if doc.words.is_empty() { (0.0, 0.0) } else { (f64::from(u8::from(is_copy(&doc.words))), 1.0) })
        .collect();
    out.ratio(&table::SEED_COPIES, [&[], &parts])
        .by_slice(pair.slices.iter().copied(), &parts)
        .examples(params, pair.shown(&parts));
}

fn of_evaluation(pair: &Pair<'_>, inputs: &Inputs<'_>, vocabulary: &mut Vocabulary, out: &mut Collector<'_>) {
    let params = out.params;
    if inputs.eval_sets.is_empty() {
        return out.cannot(&table::CONTAMINATION, "no evaluation sets were given");
    }
    let rule = params.overlap_rule();
    let sets: Vec<Vec<Vec<u32>>> = inputs.eval_sets.iter().map(|set| read_all(&set.items, vocabulary)).collect();
    let mut parts = pair.parts(|doc| (0.0, if doc.words.is_empty() { 0.0 } else { 1.0 }));
    let mut found: Vec<[Overlap; 2]> = Vec::new();
    for items in &sets {
        let items: Vec<&[u32]> = items.iter().map(Vec::as_slice).collect();
        let of_sides = [0, 1].map(|side: usize| {
            let rows: Vec<&[u32]> = pair.corpora[side].docs.iter().map(|doc| doc.words.as_slice()).collect();
            overlap(&rows, &items, &rule)
        });
        for side in 0..2 {
            of_sides[side].hits.iter().for_each(|hit| parts[side][hit.row].0 = 1.0);
        }
        found.push(of_sides);
    }
    let finding = out.ratio(&table::CONTAMINATION, parts.each_ref().map(Vec::as_slice));
    for (set, of_sides) in inputs.eval_sets.iter().zip(&found) {
        let detail = |of: &dyn Fn(&Overlap) -> usize| of_sides.each_ref().map(|overlap| Some(of(overlap) as f64));
        let [reference, candidate] = detail(&|overlap| overlap.n_items_hit);
        finding.detail(format!("{}: items hit, of {}", set.name, of_sides[1].n_items), reference, candidate);
        let [reference, candidate] = detail(&|overlap| overlap.n_items_covered);
        finding.detail(format!("{}: items covered", set.name), reference, candidate);
        let snippets = of_sides[1].hits.iter().map(|hit| {
            let words = &pair.corpora[1].docs[hit.row].words[hit.start..hit.start + hit.n_words];
            (pair.row(1, hit.row as u32), format!("[{} item {}] {}", set.name, hit.item, vocabulary.phrase(words)))
        });
        finding.examples(params, snippets);
    }
}
