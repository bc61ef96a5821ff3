//! Manner of writing: lengths, function words, punctuation, connectives, tone.

use super::pair::Pair;
use crate::artifact::collect::Collector;
use crate::artifact::corpus::{Doc, Vocabulary};
use crate::artifact::lexicon::{Openers, PhraseKind, WordSet};
use crate::artifact::metric::Metric;
use crate::artifact::metrics::variety as table;
use crate::artifact::resample::{Part, ratio};

/// All of it.
pub(crate) fn style(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    let named = |name: &str| WordSet::named(name, vocabulary);
    let (function, hedge) = (named("function"), named("hedge"));
    let (positive, negative) = (named("positive"), named("negative"));
    let (formal, informal) = (named("formal"), named("informal"));
    let per_hundred = |count: f64, doc: &Doc<'_>| (100.0 * count, doc.words.len() as f64);
    let less =
        |more: &WordSet, less: &WordSet, doc: &Doc<'_>| more.count(&doc.words) as f64 - less.count(&doc.words) as f64;

    each(pair, out, &table::WORDS, |doc| if doc.words.is_empty() { (0.0, 0.0) } else { (doc.words.len() as f64, 1.0) });
    each(pair, out, &table::WORD_CHARS, |doc| (doc.n_word_chars as f64, doc.words.len() as f64));
    each(pair, out, &table::SENTENCE_WORDS, |doc| (doc.words.len() as f64, doc.sentence_ends.len() as f64));
    each(pair, out, &table::FUNCTION_WORDS, |doc| (function.count(&doc.words) as f64, doc.words.len() as f64));
    each(pair, out, &table::PUNCTUATION, |doc| (100.0 * punctuation(doc.text).count() as f64, doc.n_chars as f64));
    let contracted = contractions(vocabulary);
    each(pair, out, &table::CONTRACTIONS, |doc| {
        per_hundred(doc.words.iter().filter(|word| contracted[**word as usize]).count() as f64, doc)
    });
    each(pair, out, &table::HEDGES, |doc| per_hundred(hedge.count(&doc.words) as f64, doc));
    each(pair, out, &table::SENTIMENT, |doc| per_hundred(less(&positive, &negative, doc), doc));
    each(pair, out, &table::FORMALITY, |doc| per_hundred(less(&formal, &informal, doc), doc));
    each(pair, out, &table::QUESTIONS, |doc| {
        let n_sentences = doc.sentence_ends.len();
        (doc.text.bytes().filter(|byte| *byte == b'?').count().min(n_sentences) as f64, n_sentences as f64)
    });
    connectives(pair, vocabulary, out);
}

fn each(pair: &Pair<'_>, out: &mut Collector<'_>, metric: &Metric, of: impl Fn(&Doc<'_>) -> Part + Sync) {
    let parts = pair.parts(|doc| of(doc));
    out.ratio(metric, parts.each_ref().map(Vec::as_slice)).by_slice(pair.slices.iter().copied(), &parts[1]);
}

/// The punctuation signs of a text: ASCII ones and those of the general punctuation block.
pub(crate) fn punctuation(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| c.is_ascii_punctuation() || matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}'))
}

/// Whether each word of a vocabulary is a contraction.
fn contractions(vocabulary: &Vocabulary) -> Vec<bool> {
    // "it's", "that's" and the like are contractions; "john's" is not.
    let short_is =
        ["it's", "that's", "he's", "she's", "there's", "what's", "who's", "let's", "here's", "where's", "how's"];
    let is_contraction = |word: &str| {
        let Some((_, tail)) = word.split_once(['\'', '’']) else { return false };
        !tail.is_empty() && (tail != "s" || short_is.contains(&word.replace('’', "'").as_str()))
    };
    (0..vocabulary.n_words() as u32).map(|id| is_contraction(vocabulary.word(id))).collect()
}

fn connectives(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    const CLASSES: [(PhraseKind, &str); 4] = [
        (PhraseKind::Comparison, "comparison"),
        (PhraseKind::Contingency, "contingency"),
        (PhraseKind::Expansion, "expansion"),
        (PhraseKind::Temporal, "temporal"),
    ];
    let openers = Openers::new(vocabulary);
    let of_class = |wanted: Option<PhraseKind>| {
        pair.parts(|doc| {
            let is_such = |class: PhraseKind| wanted.is_none_or(|wanted| wanted == class);
            let n = doc.sentences().filter(|words| openers.class(words).is_some_and(is_such)).count();
            (n as f64, doc.sentence_ends.len() as f64)
        })
    };
    let parts = of_class(None);
    let finding = out.ratio(&table::CONNECTIVES, parts.each_ref().map(Vec::as_slice));
    for (class, name) in CLASSES {
        let [reference, candidate] = of_class(Some(class)).map(|parts| ratio(parts.into_iter()));
        finding.detail(name, reference, candidate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contractions_are_not_possessives() {
        let mut vocabulary = Vocabulary::default();
        let mut words = Vec::new();
        vocabulary.read("John's don't it’s rock it's", &mut words);
        let is_such = contractions(&vocabulary);
        assert_eq!(
            words.iter().map(|word| is_such[*word as usize]).collect::<Vec<_>>(),
            vec![false, true, true, false, true]
        );
    }

    #[test]
    fn punctuation_by_hand() {
        assert_eq!(punctuation("a, “b” — c… 😀").count(), 5);
    }
}
