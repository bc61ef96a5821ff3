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
use std::collections::BTreeMap;

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

/// What the held-out rows of the candidate share with its split `train`, or with its largest where none has that name.
pub(crate) fn of_splits(pair: &Pair<'_>, splits: &[String], out: &mut Collector<'_>) {
    let params = out.params;
    let docs = &pair.corpora[1].docs;
    let split_of = |doc: usize| splits.get(pair.row(1, doc as u32) as usize).map_or("", String::as_str);
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    (0..docs.len()).for_each(|doc| *sizes.entry(split_of(doc)).or_insert(0) += 1);
    if splits.is_empty() {
        return out.cannot(&table::SPLIT_OVERLAP, "no column that holds the rows' splits was named");
    }
    let largest =
        || sizes.iter().max_by_key(|(name, n)| (**n, std::cmp::Reverse(**name))).map_or("", |(name, _)| *name);
    let train = if sizes.contains_key("train") { "train" } else { largest() };
    if docs.len() < splits.len() {
        let cause =
            format!("of {} rows {} were read, and copies stand in the rest: raise max_rows", splits.len(), docs.len());
        return out.cannot(&table::SPLIT_OVERLAP, &cause);
    }
    if sizes.len() < 2 {
        return out.cannot(&table::SPLIT_OVERLAP, "all rows are of one split");
    }
    let (known, held_out): (Vec<usize>, Vec<usize>) = (0..docs.len()).partition(|doc| split_of(*doc) == train);
    let words = |docs_of: &[usize]| docs_of.iter().map(|doc| docs[*doc].words.as_slice()).collect::<Vec<&[u32]>>();
    let sets = |docs_of: &[usize]| -> Vec<Vec<u64>> {
        let long = |words: &&[u32]| words.len() >= params.duplicate_min_words;
        words(docs_of)
            .par_iter()
            .map(|words| if long(words) { shingles(words, params.shingle_words) } else { Vec::new() })
            .collect()
    };
    let mut parts: Vec<Part> = vec![(0.0, 0.0); docs.len()];
    held_out.iter().filter(|doc| !docs[**doc].words.is_empty()).for_each(|doc| parts[*doc].1 = 1.0);
    let near = near_across(&sets(&held_out), &sets(&known), params.near_jaccard);
    near.iter().for_each(|near| parts[held_out[near.at]].0 = 1.0);
    // The texts of `train` are the items, so that each held-out row is told its first hit.
    let runs = overlap(&words(&held_out), &words(&known), &params.overlap_rule());
    runs.hits.iter().for_each(|hit| parts[held_out[hit.row]].0 = 1.0);
    let counts = [("near duplicates of a row of it", near.len()), ("rows that share a run with it", runs.hits.len())];
    let finding = out.ratio(&table::SPLIT_OVERLAP, [&[], &parts]).examples(params, pair.shown(&parts));
    for (label, n) in counts {
        finding.detail(format!("{label}, split {train}"), None, Some(n as f64));
    }
}
