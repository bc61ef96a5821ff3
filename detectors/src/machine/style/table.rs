//! The table of features: name, group, what each measures, and how it is read off a text.
//!
//! One row makes a feature known to the vector, to the reasons of a verdict and to the manual. Features of word tables
//! (function words, suffixes, the skeleton) get their rows from the table of the language.

use serde::Serialize;

use super::layout::Layout;
use super::letters::{LENGTH_BINS, Letters};
use super::lexicon::{Class, Lexicon, List};
use super::rhythm::Rhythm;
use super::scan::{MARKS, Scan};
use super::variety::{Variety, ratio};

/// What kind of habit a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Rates of function words.
    FunctionWords,
    /// Rates of word endings.
    Suffixes,
    /// Rates of punctuation marks.
    Punctuation,
    /// Shares of kinds of characters.
    Characters,
    /// Length and build of words.
    Words,
    /// Length and marks of sentences.
    Sentences,
    /// Variety of words and repetition.
    Variety,
    /// Who speaks, and how surely.
    Voice,
    /// Predictability of letters.
    Predictability,
    /// How sentences begin.
    Openers,
    /// How sentences hang together.
    Cohesion,
    /// Which classes of words follow each other.
    Skeleton,
    /// Lines, paragraphs, lists; trusted only where white space is.
    Layout,
}

/// One feature of the vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Unique name, such as `word:the` or `sentence_words_variation`.
    pub name: String,
    /// What kind of habit it is.
    pub group: Group,
    /// What it measures, to be read after "more" or "less".
    pub about: String,
}

/// All that is known of one text.
pub(super) struct Summary<'s> {
    pub(super) scan: &'s Scan,
    pub(super) variety: Variety,
    pub(super) rhythm: Rhythm,
    pub(super) letters: Letters,
    pub(super) layout: Layout,
}

impl Summary<'_> {
    fn per_word(&self, count: usize) -> f64 {
        ratio(count as f64, self.scan.tokens.len() as f64)
    }

    fn per_char(&self, count: usize) -> f64 {
        ratio(count as f64, self.scan.chars.n as f64)
    }

    fn list(&self, list: List) -> f64 {
        self.per_word(self.scan.lists[list as usize])
    }

    fn words_that(&self, is: impl Fn(&super::scan::Token) -> bool) -> f64 {
        self.per_word(self.scan.tokens.iter().filter(|token| is(token)).count())
    }

    fn names_that(&self, is: impl Fn(&super::scan::Token) -> bool) -> f64 {
        self.words_that(|token| token.class == Class::Name && is(token))
    }
}

type Reading = fn(&Summary<'_>) -> f64;

/// A feature that no word table names.
pub(super) struct Scalar {
    pub(super) name: &'static str,
    pub(super) group: Group,
    pub(super) about: &'static str,
    pub(super) read: Reading,
}

const fn row(name: &'static str, group: Group, about: &'static str, read: Reading) -> Scalar {
    Scalar { name, group, about, read }
}

use Group as G;

/// Features without a word table, in the order of the vector.
pub(super) const SCALARS: &[Scalar] = &[
    row("letter_ratio", G::Characters, "letters among characters", |s| s.per_char(s.scan.chars.n_letters)),
    row("capital_ratio", G::Characters, "capitals among characters", |s| s.per_char(s.scan.chars.n_capitals)),
    row("digit_ratio", G::Characters, "digits among characters", |s| s.per_char(s.scan.chars.n_digits)),
    row("space_ratio", G::Characters, "white space among characters", |s| s.per_char(s.scan.chars.n_spaces)),
    row("beyond_ascii_ratio", G::Characters, "characters beyond ASCII", |s| s.per_char(s.scan.chars.n_beyond_ascii)),
    row("quoted_ratio", G::Characters, "text between quotes", |s| s.per_char(s.scan.chars.n_quoted)),
    row("capitalised_ratio", G::Words, "words with a capital", |s| s.words_that(|t| t.shape.capitalised)),
    row("all_capital_ratio", G::Words, "words in capitals", |s| s.words_that(|t| t.shape.all_capital)),
    row("acronym_name_ratio", G::Words, "names in capitals", |s| s.names_that(|t| t.shape.all_capital)),
    row("function_ratio", G::Words, "function words of any kind", |s| s.words_that(|t| !t.class.is_open())),
    row("word_chars_mean", G::Words, "letters per word", |s| s.letters.mean_word_chars),
    row("word_chars_sd", G::Words, "unevenness of word length", |s| s.letters.sd_word_chars),
    row("open_word_chars_mean", G::Words, "letters per content word", |s| s.letters.mean_open_chars),
    row("long_word_ratio", G::Words, "words of eight letters and more", |s| s.letters.long_ratio),
    row("syllables_mean", G::Words, "syllables per word", |s| s.letters.syllables_per_word),
    row("three_syllable_ratio", G::Words, "words of three syllables and more", |s| s.letters.three_syllable_ratio),
    row("sentence_words_mean", G::Sentences, "words per sentence", |s| s.rhythm.mean_words),
    row("sentence_words_sd", G::Sentences, "spread of sentence length", |s| s.rhythm.sd_words),
    row("sentence_words_variation", G::Sentences, "unevenness of sentence length", |s| s.rhythm.variation),
    row("sentence_words_most", G::Sentences, "words in the longest sentence", |s| s.rhythm.most_words),
    row("sentence_words_least", G::Sentences, "words in the shortest sentence", |s| s.rhythm.least_words),
    row("sentence_step", G::Sentences, "change of length between sentences", |s| s.rhythm.mean_step),
    row("sentence_step_relative", G::Sentences, "relative change between sentences", |s| s.rhythm.relative_step),
    row("short_sentence_ratio", G::Sentences, "sentences of seven words and less", |s| s.rhythm.short_ratio),
    row("long_sentence_ratio", G::Sentences, "sentences of thirty words and more", |s| s.rhythm.long_ratio),
    row("clause_words", G::Sentences, "words between commas and ends", |s| s.rhythm.clause_words),
    row("commas_per_sentence", G::Sentences, "commas per sentence", |s| s.rhythm.commas_per_sentence),
    row("commas_sd", G::Sentences, "unevenness of commas", |s| s.rhythm.sd_commas),
    row("asking_ratio", G::Sentences, "questions", |s| s.rhythm.asking_ratio),
    row("exclaiming_ratio", G::Sentences, "exclamations", |s| s.rhythm.exclaiming_ratio),
    row("quotes_per_sentence", G::Sentences, "quotation marks per sentence", |s| s.rhythm.quotes_per_sentence),
    row("ttr_100", G::Variety, "distinct words among the first hundred", |s| s.variety.ttr_100),
    row("mattr_50", G::Variety, "distinct words in fifty", |s| s.variety.mattr_50),
    row("hapax_ratio", G::Variety, "words used once", |s| s.variety.hapax_ratio),
    row("twice_ratio", G::Variety, "words used twice", |s| s.variety.twice_ratio),
    row("mtld", G::Variety, "variety of words (MTLD)", |s| s.variety.mtld.ln_1p()),
    row("yule_k", G::Variety, "repetition of words (Yule's K)", |s| s.variety.yule_k),
    row("hdd_42", G::Variety, "variety of words (HD-D)", |s| s.variety.hdd_42),
    row("word_evenness", G::Variety, "evenness of word frequencies", |s| s.variety.word_evenness),
    row("repeated_bigram_ratio", G::Variety, "repeated word pairs", |s| s.variety.repeated[0]),
    row("repeated_trigram_ratio", G::Variety, "repeated runs of three words", |s| s.variety.repeated[1]),
    row("repeated_fourgram_ratio", G::Variety, "repeated runs of four words", |s| s.variety.repeated[2]),
    row("stutter_ratio", G::Variety, "words that follow themselves", |s| s.variety.stutter_ratio),
    row("contraction_ratio", G::Voice, "contractions", |s| s.words_that(|t| t.shape.has_apostrophe)),
    row("first_person", G::Voice, "first person", |s| s.list(List::First)),
    row("second_person", G::Voice, "second person", |s| s.list(List::Second)),
    row("third_person", G::Voice, "third person", |s| s.list(List::Third)),
    row("discourse_markers", G::Voice, "connectives such as \"moreover\"", |s| s.list(List::Discourse)),
    row("hedges", G::Voice, "hedges such as \"perhaps\"", |s| s.list(List::Hedge)),
    row("boosters", G::Voice, "intensifiers such as \"highly\"", |s| s.list(List::Booster)),
    row("stock_phrases", G::Voice, "stock words of chat models", |s| s.list(List::Stock)),
    row("char_entropy", G::Predictability, "variety of letters", |s| s.letters.entropy[0]),
    row("char_entropy_after_1", G::Predictability, "surprise of a letter after one", |s| s.letters.entropy[1]),
    row("char_entropy_after_2", G::Predictability, "surprise of a letter after two", |s| s.letters.entropy[2]),
    row("deflate_ratio", G::Predictability, "bytes left after compression", |s| s.letters.deflate_ratio),
    row("self_bits", G::Predictability, "surprise of a letter after the text so far", |s| s.letters.surprise.bits),
    row("self_bits_short", G::Predictability, "the same after two letters", |s| s.letters.surprise.short_bits),
    row("self_taught_bits", G::Predictability, "surprise that the text takes away", |s| s.letters.surprise.taught_bits),
    row("self_known_ratio", G::Predictability, "runs of letters seen before", |s| s.letters.surprise.known_ratio),
    row("opener_variety", G::Openers, "distinct first words of sentences", |s| s.rhythm.opener_variety),
    row("same_opener_ratio", G::Openers, "sentences that begin alike", |s| s.rhythm.same_opener_ratio),
    row("early_comma_ratio", G::Openers, "sentences with an early comma", |s| s.rhythm.early_comma_ratio),
    row("overlap", G::Cohesion, "words of the sentence before", |s| s.rhythm.overlap),
    row("return_ratio", G::Cohesion, "return to words of the first half", |s| s.rhythm.return_ratio),
    row("name_return_ratio", G::Cohesion, "return to names", |s| s.rhythm.name_return_ratio),
    row("lines_per_100_words", G::Layout, "lines", |s| s.layout.lines_per_100_words),
    row("paragraph_words", G::Layout, "words per paragraph", |s| s.layout.paragraph_words),
    row("paragraph_variation", G::Layout, "unevenness of paragraphs", |s| s.layout.paragraph_variation),
    row("bullet_ratio", G::Layout, "bullet points", |s| s.layout.bullet_ratio),
    row("numbered_ratio", G::Layout, "numbered lines", |s| s.layout.numbered_ratio),
    row("heading_ratio", G::Layout, "markdown headings", |s| s.layout.heading_ratio),
    row("emphasis_per_100_words", G::Layout, "markdown emphasis", |s| s.layout.emphasis_per_100_words),
];

/// Rows of all features of a language, in the order of [`read`].
pub(super) fn features(lexicon: &Lexicon) -> Vec<Feature> {
    let mut rows: Vec<Feature> = Vec::new();
    let mut add = |name: String, group, about: String| rows.push(Feature { name, group, about });
    for scalar in SCALARS {
        add(scalar.name.to_owned(), scalar.group, scalar.about.to_owned());
    }
    for mark in MARKS {
        add(format!("mark:{mark}"), G::Punctuation, format!("\"{mark}\" marks"));
    }
    for length in 1..=LENGTH_BINS {
        let more = if length == LENGTH_BINS { " or more" } else { "" };
        add(format!("length:{length}"), G::Words, format!("words of {length}{more} letters"));
    }
    for word in &lexicon.function_words {
        add(format!("word:{word}"), G::FunctionWords, format!("\"{word}\""));
    }
    for suffix in &lexicon.suffixes {
        add(format!("suffix:{suffix}"), G::Suffixes, format!("words in -{suffix}"));
    }
    for class in &Class::ALL[1..] {
        add(format!("opener:{}", class.name()), G::Openers, format!("sentences that begin with a {}", class.name()));
    }
    for before in Class::ALL {
        for after in Class::ALL {
            let (b, a) = (before.name(), after.name());
            add(format!("pair:{b}:{a}"), G::Skeleton, format!("a {a} after a {b}"));
        }
    }
    rows
}

/// Classes that can follow each other.
const PAIRS: usize = Class::ALL.len() * Class::ALL.len();

/// Writes the features of a summary, in the order of [`features`]; `out` has their number.
pub(super) fn read(summary: &Summary<'_>, out: &mut [f32]) {
    let scan = summary.scan;
    let n_words = scan.tokens.len() as f64;
    let n_openers = Class::ALL.len() - 1;
    let n_others = SCALARS.len() + MARKS.len() + LENGTH_BINS + scan.suffixes.len() + n_openers + PAIRS;
    let n_function_words = out.len().saturating_sub(n_others);
    let (scalars, rest) = out.split_at_mut(SCALARS.len());
    for (value, scalar) in scalars.iter_mut().zip(SCALARS) {
        *value = (scalar.read)(summary) as f32;
    }
    let (marks, rest) = rest.split_at_mut(MARKS.len());
    for (value, &count) in marks.iter_mut().zip(&scan.chars.marks) {
        *value = rate(count, scan.chars.n as f64);
    }
    let (lengths, rest) = rest.split_at_mut(LENGTH_BINS);
    for (value, &share) in lengths.iter_mut().zip(&summary.letters.lengths) {
        *value = share as f32;
    }
    let (words, rest) = rest.split_at_mut(n_function_words);
    words.fill(0.0);
    for token in &scan.tokens {
        if let Some(count) = words.get_mut(usize::from(token.function)) {
            *count += 1.0;
        }
    }
    words.iter_mut().for_each(|count| *count = ratio(f64::from(*count), n_words) as f32);
    let (suffixes, rest) = rest.split_at_mut(scan.suffixes.len());
    for (value, &count) in suffixes.iter_mut().zip(&scan.suffixes) {
        *value = rate(count, n_words);
    }
    let (openers, pairs) = rest.split_at_mut(n_openers);
    for (value, &share) in openers.iter_mut().zip(&summary.rhythm.openers[1..]) {
        *value = share as f32;
    }
    skeleton(scan, pairs);
}

fn rate(count: usize, of: f64) -> f32 {
    ratio(count as f64, of) as f32
}

/// Shares of the pairs of neighbouring classes, sentences being bounded on both sides.
fn skeleton(scan: &Scan, out: &mut [f32]) {
    out.fill(0.0);
    let mut n = 0_usize;
    for sentence in &scan.sentences {
        let classes = scan.tokens_of(sentence).iter().map(|token| token.class).chain([Class::Boundary]);
        let mut before = Class::Boundary;
        for class in classes {
            out[before as usize * Class::ALL.len() + class as usize] += 1.0;
            before = class;
            n += 1;
        }
    }
    out.iter_mut().for_each(|count| *count = ratio(f64::from(*count), n as f64) as f32);
}
