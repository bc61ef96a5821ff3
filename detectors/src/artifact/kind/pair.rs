//! The texts of a field on both sides, ready for the measures.

use crate::artifact::corpus::{Corpus, Doc, Vocabulary};
use crate::artifact::draws::Draws;
use crate::artifact::params::Params;
use crate::artifact::resample::Part;
use rayon::prelude::*;

/// The texts of one field of both sides.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    /// The reference's texts, then the candidate's.
    pub(crate) corpora: [Corpus<'a>; 2],
    /// The slice of each text of the candidate; "" where there is none.
    pub(crate) slices: Vec<&'a str>,
    /// As many texts of each side, of those that hold a word; all of one side where the other has none.
    pub(crate) matched: [Vec<u32>; 2],
    /// The matched texts that metrics of a whole set are computed of.
    pub(crate) sets: [Vec<u32>; 2],
}

/// A row's number and its text, or its slice.
pub(crate) type Numbered<'a> = Vec<(u32, &'a str)>;

impl<'a> Pair<'a> {
    pub(crate) fn read(
        texts: [Numbered<'a>; 2],
        slices: Vec<&'a str>,
        vocabulary: &mut Vocabulary,
        params: &Params,
    ) -> Self {
        let corpora = texts.map(|texts| Corpus::read(texts, vocabulary));
        let with_words = corpora.each_ref().map(|corpus| {
            (0..corpus.n_docs() as u32).filter(|doc| !corpus.docs[*doc as usize].words.is_empty()).collect::<Vec<u32>>()
        });
        let n = match with_words.each_ref().map(Vec::len) {
            [0, n] | [n, 0] => n,
            [left, right] => left.min(right),
        };
        let mut side = 0;
        let matched = with_words.map(|docs| {
            side += 1;
            Draws::new(params.seed, "size match", side)
                .choose(docs.len(), n)
                .into_iter()
                .map(|at| docs[at as usize])
                .collect()
        });
        let mut pair = Self { corpora, slices, matched, sets: [Vec::new(), Vec::new()] };
        pair.sets = pair.pick(params.seed, "sets", params.set_docs);
        pair
    }

    /// A text.
    pub(crate) fn doc(&self, side: usize, doc: u32) -> &Doc<'a> {
        &self.corpora[side].docs[doc as usize]
    }

    /// The words of some texts.
    pub(crate) fn words(&self, side: usize, docs: &[u32]) -> Vec<&[u32]> {
        docs.iter().map(|doc| self.doc(side, *doc).words.as_slice()).collect()
    }

    /// The words, numbers and marks of some texts.
    pub(crate) fn tokens(&self, side: usize, docs: &[u32]) -> Vec<&[u32]> {
        docs.iter().map(|doc| self.doc(side, *doc).tokens.as_slice()).collect()
    }

    /// The matched texts' words.
    pub(crate) fn matched_words(&self) -> [Vec<&[u32]>; 2] {
        [0, 1].map(|side: usize| self.words(side, &self.matched[side]))
    }

    /// At most `n` of the matched texts of each side.
    pub(crate) fn pick(&self, seed: u64, stage: &str, n: usize) -> [Vec<u32>; 2] {
        [0, 1].map(|side: usize| {
            let places = Draws::new(seed, stage, side as u64).choose(self.matched[side].len(), n);
            places.into_iter().map(|place| self.matched[side][place as usize]).collect()
        })
    }

    /// A number per text of each side.
    pub(crate) fn parts(&self, of: impl Fn(&Doc<'a>) -> Part + Sync) -> [Vec<Part>; 2] {
        self.corpora.each_ref().map(|corpus| corpus.docs.par_iter().map(&of).collect())
    }

    /// Whether each text is such, as a share; texts that are blank do not count.
    pub(crate) fn flags(&self, is_such: impl Fn(&Doc<'a>) -> bool + Sync) -> [Vec<Part>; 2] {
        self.parts(|doc| if doc.text.trim().is_empty() { (0.0, 0.0) } else { (f64::from(u8::from(is_such(doc))), 1.0) })
    }

    /// The rows and texts of the candidate whose part is above zero.
    pub(crate) fn shown<'p>(&'p self, parts: &'p [Part]) -> impl Iterator<Item = (u32, &'a str)> + 'p {
        let docs = self.corpora[1].rows.iter().zip(&self.corpora[1].docs).zip(parts);
        docs.filter(|(_, part)| part.0 > 0.0).map(|((row, doc), _)| (*row, doc.text))
    }

    /// The row of a text of the candidate.
    pub(crate) fn row(&self, side: usize, doc: u32) -> u32 {
        self.corpora[side].rows[doc as usize]
    }

    /// The least number of words (or what is counted) that a side of the sets has; a side without texts does not count.
    pub(crate) fn least(&self, count: impl Fn(&Doc<'a>) -> usize) -> usize {
        let sum = |side: usize| self.sets[side].iter().map(|doc| count(self.doc(side, *doc))).sum::<usize>();
        (0..2).filter(|side| !self.sets[*side].is_empty()).map(sum).min().unwrap_or(0)
    }

    /// The share of `budget` for a subset of a set: all of it for all of them, half for a half.
    pub(crate) fn budget(&self, side: usize, n_docs: usize, budget: usize) -> usize {
        if n_docs == self.sets[side].len() { budget } else { budget / 2 }
    }

    /// Whether both sides have texts that hold a word.
    pub(crate) fn has_both(&self) -> bool {
        self.matched.iter().all(|docs| !docs.is_empty())
    }
}
