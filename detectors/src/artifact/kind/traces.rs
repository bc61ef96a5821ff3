//! What generation leaves behind in texts: refusals, stock phrases, tokens, broken characters, personal data.

use super::pair::Pair;
use crate::artifact::collect::Collector;
use crate::artifact::corpus::Vocabulary;
use crate::artifact::inputs::Inputs;
use crate::artifact::lexicon::{PhraseKind, marks};
use crate::artifact::measure::dates::{Date, dates};
use crate::artifact::measure::ngrams::{gram_set, ngrams};
use crate::artifact::measure::pii::{PiiKind, masked, pii};
use crate::artifact::measure::surface::{Surface, tail_loop};
use crate::artifact::metric::Metric;
use crate::artifact::metrics::traces as table;
use crate::artifact::resample::Part;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// All of it.
pub(crate) fn traces(pair: &Pair<'_>, inputs: &Inputs<'_>, vocabulary: &mut Vocabulary, out: &mut Collector<'_>) {
    phrases(pair, out);
    surface(pair, out);
    prompt_leak(pair, inputs, vocabulary, out);
    language(pair, inputs, out);
    personal(pair, out);
    invalid_dates(pair, out);
}

fn push(pair: &Pair<'_>, out: &mut Collector<'_>, metric: &Metric, parts: &[Vec<Part>; 2]) {
    let params = out.params;
    out.ratio(metric, parts.each_ref().map(Vec::as_slice))
        .by_slice(pair.slices.iter().copied(), &parts[1])
        .examples(params, pair.shown(&parts[1]));
}

fn phrases(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let found: [Vec<Vec<(PhraseKind, &str)>>; 2] = pair.corpora.each_ref().map(|corpus| {
        corpus.docs.par_iter().map(|doc| marks(doc.text).map(|mark| (mark.kind, mark.phrase)).collect()).collect()
    });
    for (metric, kind) in [
        (&table::REFUSALS, PhraseKind::Refusal),
        (&table::CHAT_TOKENS, PhraseKind::ChatToken),
        (&table::TEMPLATES, PhraseKind::Template),
        (&table::TOXICITY, PhraseKind::Toxic),
    ] {
        let mut counts: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
        let parts = [0, 1].map(|side: usize| {
            let docs = pair.corpora[side].docs.iter().zip(&found[side]);
            docs.map(|(doc, found)| {
                let of_kind = || found.iter().filter(|(other, _)| *other == kind);
                of_kind().for_each(|(_, phrase)| counts.entry(phrase).or_default()[side] += 1.0);
                let n = of_kind().count() as f64;
                match kind {
                    _ if doc.text.trim().is_empty() => (0.0, 0.0),
                    PhraseKind::Template => (100.0 * n, doc.words.len() as f64),
                    _ => (n.min(1.0), 1.0),
                }
            })
            .collect::<Vec<Part>>()
        });
        push(pair, out, metric, &parts);
        let mut counts: Vec<(&str, [f64; 2])> = counts.into_iter().collect();
        counts.sort_by(|left, right| right.1[1].total_cmp(&left.1[1]).then(left.0.cmp(right.0)));
        out.last_details(
            counts
                .into_iter()
                .map(|(phrase, [reference, candidate])| (format!("times: {phrase}"), reference, candidate)),
        );
    }
}

fn surface(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let surfaces: [Vec<Surface>; 2] =
        pair.corpora.each_ref().map(|corpus| corpus.docs.par_iter().map(|doc| Surface::of(doc.text)).collect());
    let flags = |is_such: &dyn Fn(&Surface) -> bool, min_words: usize| {
        [0, 1].map(|side: usize| {
            let docs = pair.corpora[side].docs.iter().zip(&surfaces[side]);
            docs.map(|(doc, surface)| {
                let applies = !doc.text.trim().is_empty() && doc.words.len() >= min_words;
                if applies { (f64::from(u8::from(is_such(surface))), 1.0) } else { (0.0, 0.0) }
            })
            .collect::<Vec<Part>>()
        })
    };
    push(pair, out, &table::MARKDOWN, &flags(&|surface| surface.has_markdown, 0));
    push(pair, out, &table::UNBALANCED, &flags(&|surface| surface.is_unbalanced, 0));
    push(pair, out, &table::CUT, &flags(&|surface| surface.is_cut, 10));
    push(pair, out, &table::MOJIBAKE, &flags(&|surface| surface.has_mojibake, 0));
    push(pair, out, &table::ZERO_WIDTH, &flags(&|surface| surface.has_zero_width, 0));
    push(pair, out, &table::MIXED_SCRIPT, &flags(&|surface| surface.has_mixed_script, 0));
    push(pair, out, &table::PLACEHOLDERS, &flags(&|surface| surface.has_placeholder || surface.has_placeholder_url, 0));
    let loops =
        pair.flags(|doc| tail_loop(&doc.words, params.loop_words) >= params.loop_share && doc.words.len() >= 10);
    push(pair, out, &table::LOOPS, &loops);
}

fn prompt_leak(pair: &Pair<'_>, inputs: &Inputs<'_>, vocabulary: &mut Vocabulary, out: &mut Collector<'_>) {
    if inputs.prompts.is_empty() {
        return out.cannot(&table::PROMPT_LEAK, "no prompt templates were given");
    }
    let n = out.params.copy_n;
    let prompts: Vec<Vec<u32>> = inputs
        .prompts
        .iter()
        .map(|prompt| {
            let mut words = Vec::new();
            vocabulary.read(prompt, &mut words);
            words
        })
        .collect();
    let known = gram_set(prompts.iter().map(Vec::as_slice), n);
    let parts = pair.flags(|doc| ngrams(&doc.words, n).any(|gram| known.contains(&gram)));
    push(pair, out, &table::PROMPT_LEAK, &parts);
}

fn language(pair: &Pair<'_>, inputs: &Inputs<'_>, out: &mut Collector<'_>) {
    let (Some(language_of), Some(declared)) = (inputs.language_of, inputs.language) else {
        return out.cannot(&table::LANGUAGE_LEAK, "no language was declared or no language identification was given");
    };
    let parts = pair.parts(|doc| match language_of(doc.text) {
        Some(found) => (f64::from(u8::from(found != declared)), 1.0),
        None => (0.0, 0.0),
    });
    push(pair, out, &table::LANGUAGE_LEAK, &parts);
}

fn personal(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let found =
        pair.corpora.each_ref().map(|corpus| corpus.docs.par_iter().map(|doc| pii(doc.text)).collect::<Vec<_>>());
    let parts =
        [0, 1].map(|side: usize| {
            let docs = pair.corpora[side].docs.iter().zip(&found[side]);
            docs.map(|(doc, spans)| {
                if doc.text.trim().is_empty() { (0.0, 0.0) } else { (f64::from(u8::from(!spans.is_empty())), 1.0) }
            })
            .collect::<Vec<Part>>()
        });
    let finding = out.ratio(&table::PII, parts.each_ref().map(Vec::as_slice));
    finding.by_slice(pair.slices.iter().copied(), &parts[1]);
    for kind in PiiKind::ALL {
        let count = |side: usize| found[side].iter().flatten().filter(|span| span.kind == kind).count() as f64;
        let [reference, candidate] = [count(0), count(1)];
        if reference + candidate > 0.0 {
            finding.detail(kind.name(), Some(reference), Some(candidate));
        }
    }
    // A report must not spread what it warns of.
    let docs = pair.corpora[1].rows.iter().zip(&pair.corpora[1].docs).zip(&found[1]);
    let shown = docs.filter_map(|((row, doc), spans)| {
        let span = spans.first()?;
        Some((*row, format!("{}: {}", span.kind.name(), masked(&doc.text[span.start..span.end]))))
    });
    finding.examples(params, shown);
}

fn invalid_dates(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let found =
        pair.corpora.each_ref().map(|corpus| corpus.docs.par_iter().map(|doc| dates(doc.text)).collect::<Vec<_>>());
    let parts = found.each_ref().map(|found| {
        let part =
            |dates: &Vec<Date>| (dates.iter().filter(|date| !date.is_possible).count() as f64, dates.len() as f64);
        found.iter().map(part).collect::<Vec<Part>>()
    });
    let docs = pair.corpora[1].rows.iter().zip(&pair.corpora[1].docs).zip(&found[1]);
    let shown = docs.filter_map(|((row, doc), dates)| {
        let wrong = dates.iter().find(|date| !date.is_possible)?;
        Some((*row, &doc.text[wrong.start..wrong.end]))
    });
    out.ratio(&table::INVALID_DATES, parts.each_ref().map(Vec::as_slice))
        .by_slice(pair.slices.iter().copied(), &parts[1])
        .examples(params, shown);
}
