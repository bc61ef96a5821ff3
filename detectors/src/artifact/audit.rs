//! The audit: which measures run on which data type, in which order.
//!
//! Das et al. 2024 ("Under the Surface", arXiv:2401.14698) audit made data by type: first-order effects are differences of
//! distributions, second-order effects what something trained on the data learns. We differ in that no neural model is
//! trained; a linear classifier and a character model stand for them.
//!
//! The leak probe's result comes first: where formatting tells the sides apart, all that follows is in doubt.

use super::bands::Bands;
use super::collect::Collector;
use super::corpus::Vocabulary;
use super::draws::Draws;
use super::finding::{Audit, Estimate, FORMAT_VERSION, Histogram, SideSummary};
use super::inputs::Inputs;
use super::kind::pair::{Numbered, Pair};
use super::kind::{closeness, copies, dialogues, instructions, labels, preferences, style, traces, variety};
use super::measure::effect::quantile;
use super::metrics::wholes as table;
use super::params::Params;
use super::side::{DataType, Dialogue, Instruction, LabelRow, Preference, Rows, Side};
use xxhash_rust::xxh3::Xxh3;

/// What is wrong with the sides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// They are of different types.
    #[error("the reference holds {reference} and the candidate {candidate}: an audit compares rows of one type", reference = .reference.name(), candidate = .candidate.name())]
    DataTypes {
        /// The reference's type.
        reference: DataType,
        /// The candidate's type.
        candidate: DataType,
    },
    /// Slices or splits that are not as many as rows.
    #[error("side `{side}` has {n} {what} for {n_rows} rows: give none, or one for each row")]
    Parts {
        /// The side.
        side: String,
        /// "slices" or "splits".
        what: &'static str,
        /// How many were given.
        n: usize,
        /// Rows given.
        n_rows: usize,
    },
}

/// Audits `candidate` against `reference`, which may be without rows: what needs it then says so.
///
/// The cost is linear in the texts, but for the classifier and the half-samples, which take some fifty passes each; a side of
/// 5,000 documents of 160 words takes some seven seconds on two cores. The same arguments give the same audit.
///
/// # Errors
/// Where the sides are of different types, or slices do not fit the rows.
pub fn audit(
    reference: &Side,
    candidate: &Side,
    inputs: &Inputs<'_>,
    params: &Params,
    bands: &Bands,
) -> Result<Audit, AuditError> {
    let sides = [reference, candidate];
    let types = sides.map(|side| side.rows.data_type());
    if types[0] != types[1] {
        return Err(AuditError::DataTypes { reference: types[0], candidate: types[1] });
    }
    for side in sides {
        let n_rows = side.rows.n_rows();
        for (what, n) in [("slices", side.slices.len()), ("splits", side.splits.len())] {
            if n != 0 && n != n_rows {
                return Err(AuditError::Parts { side: side.name.clone(), what, n, n_rows });
            }
        }
    }
    let mut out = Collector::new(params, bands, [&reference.name, &candidate.name]);
    let sample = Sample::of(sides, params);
    given(inputs, &sample, &mut out);
    let mut read = Read { sample: &sample, inputs, vocabulary: Vocabulary::default(), n_words: [0, 0] };
    let histograms = match (&reference.rows, &candidate.rows) {
        (Rows::Text(left), Rows::Text(right)) => read.text([left, right], &mut out),
        (Rows::Instructions(left), Rows::Instructions(right)) => read.instructions([left, right], &mut out),
        (Rows::Dialogues(left), Rows::Dialogues(right)) => read.dialogues([left, right], &mut out),
        (Rows::Preferences(left), Rows::Preferences(right)) => read.preferences([left, right], &mut out),
        (Rows::Labels(left), Rows::Labels(right)) => read.labels([left, right], &mut out),
        _ => unreachable!("the types were compared above"),
    };
    let summary = |side: usize| SideSummary {
        name: sides[side].name.clone(),
        n_rows_given: sides[side].rows.n_rows(),
        n_rows: sample.rows[side].len(),
        n_words: read.n_words[side],
        hash: sample.hashes[side].clone(),
    };
    Ok(Audit {
        version: FORMAT_VERSION,
        data_type: types[0],
        sides: vec![summary(0), summary(1)],
        params: params.clone(),
        bands: bands.name.clone(),
        leak_probe: inputs.leak_probe.clone(),
        machine_share: inputs.machine_share.clone(),
        findings: out.finish(),
        histograms,
    })
}

/// Which rows of the sides are read.
struct Sample<'a> {
    rows: [Vec<u32>; 2],
    hashes: [String; 2],
    sides: [&'a Side; 2],
}

impl<'a> Sample<'a> {
    fn of(sides: [&'a Side; 2], params: &Params) -> Self {
        let rows = [0, 1].map(|side: usize| {
            let n = sides[side].rows.n_rows();
            // Labels are cut by item, so that no item loses a part of its annotators.
            let max = if sides[side].rows.data_type() == DataType::Labels { n } else { params.max_rows };
            Draws::new(params.seed, "rows", side as u64).choose(n, max)
        });
        let hashes = [0, 1].map(|side: usize| hash(&sides[side].rows, &rows[side]));
        Self { rows, hashes, sides }
    }

    fn pick<T>(&self, side: usize, rows: &'a [T]) -> Vec<(u32, &'a T)> {
        self.rows[side].iter().map(|row| (*row, &rows[*row as usize])).collect()
    }

    /// The slices of the candidate's rows that are read.
    fn slices(&self) -> Vec<&'a str> {
        self.rows[1].iter().map(|row| self.sides[1].slice(*row as usize)).collect()
    }
}

/// XXH3 of the rows read, each field ended by a zero byte.
fn hash(rows: &Rows, picked: &[u32]) -> String {
    let mut hasher = Xxh3::new();
    let mut add = |text: &str| {
        hasher.update(text.as_bytes());
        hasher.update(&[0]);
    };
    for row in picked.iter().map(|row| *row as usize) {
        match rows {
            Rows::Text(rows) => add(&rows[row]),
            Rows::Instructions(rows) => {
                [&rows[row].instruction, &rows[row].input, &rows[row].output].into_iter().for_each(|text| add(text));
            }
            Rows::Dialogues(rows) => {
                rows[row].turns.iter().flat_map(|turn| [&turn.role, &turn.text]).for_each(|text| add(text));
            }
            Rows::Preferences(rows) => {
                [&rows[row].prompt, &rows[row].a, &rows[row].b].into_iter().for_each(|text| add(text));
                add(&format!("{:?}", rows[row].winner));
            }
            Rows::Labels(rows) => {
                [&rows[row].item, &rows[row].annotator, &rows[row].label].into_iter().for_each(|text| add(text));
            }
        }
    }
    format!("{:016x}", hasher.digest())
}

/// What other parts have measured: the leak probe first of all.
fn given(inputs: &Inputs<'_>, sample: &Sample<'_>, out: &mut Collector<'_>) {
    let n = sample.rows.iter().map(Vec::len).min().unwrap_or(0);
    match inputs.leak_probe.as_ref().and_then(|probe| Some((probe, probe.worst()?))) {
        None => out.cannot(&table::LEAK_PROBE, "the leak probe was not run"),
        Some((probe, (name, auroc))) => {
            let finding = out.between(&table::LEAK_PROBE, Estimate::bare(auroc, n));
            finding.sentence = format!("{} ({name})", finding.sentence.trim_end_matches('.')) + ".";
            if !probe.remedy.is_empty() {
                finding.remedy.clone_from(&probe.remedy);
            }
            let mut scalars: Vec<_> = probe.scalars.iter().collect();
            scalars.sort_by(|left, right| (right.auroc - 0.5).abs().total_cmp(&(left.auroc - 0.5).abs()));
            for scalar in scalars {
                finding.detail(scalar.name.clone(), None, Some(scalar.auroc));
            }
        }
    }
    match &inputs.machine_share {
        None => out.cannot(&table::MACHINE_SHARE, "no detector was run"),
        Some(share) => {
            let estimate = Estimate::bare(share.share, share.n_docs).with(Some((share.low, share.high)));
            let finding = out.values(&table::MACHINE_SHARE, [None, Some(estimate)], None);
            let calibrated =
                if share.is_calibrated { "calibrated on local human text" } else { "uncalibrated: no verdict" };
            finding.detail(format!("{}, {calibrated}", share.detector), None, None);
        }
    }
    match &inputs.detector {
        None => out.cannot(&table::DETECTOR_AUROC, "no detector was run"),
        Some(detector) => {
            let estimate = Estimate::bare(detector.auroc, n).with(Some((detector.low, detector.high)));
            out.between(&table::DETECTOR_AUROC, estimate).detail(detector.detector.clone(), None, None);
        }
    }
}

struct Read<'a, 'i> {
    sample: &'a Sample<'a>,
    inputs: &'a Inputs<'i>,
    vocabulary: Vocabulary,
    n_words: [usize; 2],
}

impl<'a> Read<'a, '_> {
    fn pair<'t>(&mut self, texts: [Numbered<'t>; 2], slices: Vec<&'t str>, out: &Collector<'_>) -> Pair<'t> {
        let pair = Pair::read(texts, slices, &mut self.vocabulary, out.params);
        for side in 0..2 {
            self.n_words[side] += pair.corpora[side].n_words();
        }
        pair
    }

    /// All measures of text.
    fn all(&mut self, pair: &Pair<'_>, out: &mut Collector<'_>) {
        closeness::closeness(pair, &self.vocabulary, out);
        variety::variety(pair, &self.vocabulary, out);
        style::style(pair, &self.vocabulary, out);
        self.traces(pair, out);
    }

    fn traces(&mut self, pair: &Pair<'_>, out: &mut Collector<'_>) {
        traces::traces(pair, self.inputs, &mut self.vocabulary, out);
        copies::copies(pair, self.inputs, &mut self.vocabulary, out);
        copies::of_splits(pair, &self.sample.sides[1].splits, out);
    }

    fn text(&mut self, rows: [&'a [String]; 2], out: &mut Collector<'_>) -> Vec<Histogram> {
        let texts = [0, 1].map(|side: usize| {
            self.sample
                .pick(side, rows[side])
                .into_iter()
                .map(|(row, text)| (row, text.as_str()))
                .collect::<Numbered<'a>>()
        });
        let pair = self.pair(texts, self.sample.slices(), out);
        self.all(&pair, out);
        histograms(&pair, "")
    }

    fn instructions(&mut self, rows: [&'a [Instruction]; 2], out: &mut Collector<'_>) -> Vec<Histogram> {
        let rows = [0, 1].map(|side: usize| self.sample.pick(side, rows[side]));
        let asked = self.pair(instructions::field(&rows, |row| &row.instruction), self.sample.slices(), out);
        let answers = self.pair(instructions::field(&rows, |row| &row.output), self.sample.slices(), out);
        instructions::instructions(&rows, &asked, &answers, self.inputs, out);
        out.set_field("instruction");
        self.all(&asked, out);
        out.set_field("output");
        self.all(&answers, out);
        let given = self.pair(instructions::field(&rows, |row| &row.input), self.sample.slices(), out);
        out.set_field("input");
        self.traces(&given, out);
        let mut all = histograms(&asked, "instruction: ");
        all.extend(histograms(&answers, "output: "));
        all
    }

    fn dialogues(&mut self, rows: [&'a [Dialogue]; 2], out: &mut Collector<'_>) -> Vec<Histogram> {
        let rows = [0, 1].map(|side: usize| self.sample.pick(side, rows[side]));
        let joined = dialogues::joined(&rows);
        let talks = dialogues::read(rows, &mut self.vocabulary);
        dialogues::dialogues(&talks, &self.sample.slices(), out);
        let texts = joined.each_ref().map(|texts| texts.iter().map(|(row, text)| (*row, text.as_str())).collect());
        let pair = self.pair(texts, self.sample.slices(), out);
        self.all(&pair, out);
        histograms(&pair, "")
    }

    fn preferences(&mut self, rows: [&'a [Preference]; 2], out: &mut Collector<'_>) -> Vec<Histogram> {
        let rows = [0, 1].map(|side: usize| self.sample.pick(side, rows[side]));
        let judged = preferences::read(
            rows.each_ref().map(|rows| rows.iter().map(|(_, row)| *row).collect()),
            &mut self.vocabulary,
        );
        preferences::preferences(&judged, out);
        let field = |of: &dyn Fn(&'a Preference) -> Vec<&'a str>| {
            rows.each_ref().map(|rows| {
                rows.iter()
                    .flat_map(|(row, pair)| of(pair).into_iter().map(|text| (*row, text)))
                    .collect::<Numbered<'a>>()
            })
        };
        let twice: Vec<&str> = self.sample.slices().into_iter().flat_map(|slice| [slice, slice]).collect();
        let answers = self.pair(field(&|row| vec![&row.a, &row.b]), twice, out);
        out.set_field("answer");
        self.all(&answers, out);
        let prompts = self.pair(field(&|row| vec![&row.prompt]), self.sample.slices(), out);
        out.set_field("prompt");
        self.traces(&prompts, out);
        histograms(&answers, "answer: ")
    }

    fn labels(&mut self, rows: [&'a [LabelRow]; 2], out: &mut Collector<'_>) -> Vec<Histogram> {
        let params = out.params;
        let items = labels::Items::read(rows, self.inputs.label_order, params.max_rows, params.seed);
        let found = labels::labels(&items, self.inputs, &mut self.vocabulary, out);
        // The items are mostly the same on both sides: only the candidate's are looked at, and not against the reference.
        let texts: Numbered<'a> = items.texts(1).enumerate().map(|(at, text)| (at as u32, text)).collect();
        let pair = self.pair([Vec::new(), texts], Vec::new(), out);
        out.set_field("item text");
        self.traces(&pair, out);
        found
    }
}

/// Lengths in words of texts and of sentences.
fn histograms(pair: &Pair<'_>, prefix: &str) -> Vec<Histogram> {
    let lengths = [0, 1]
        .map(|side: usize| pair.corpora[side].docs.iter().map(|doc| doc.words.len() as f64).collect::<Vec<f64>>());
    let sentences = [0, 1].map(|side: usize| {
        pair.corpora[side]
            .docs
            .iter()
            .flat_map(|doc| doc.sentences().map(|words| words.len() as f64))
            .collect::<Vec<f64>>()
    });
    vec![
        histogram(format!("{prefix}words per text"), &lengths),
        histogram(format!("{prefix}words per sentence"), &sentences),
    ]
}

/// Twenty bins of one width up to the 99th percentile of both sides; the last bin holds what is above.
fn histogram(title: String, values: &[Vec<f64>; 2]) -> Histogram {
    const N_BINS: usize = 20;
    let mut all: Vec<f64> = values.concat();
    all.sort_by(f64::total_cmp);
    let width = (quantile(&all, 0.99).unwrap_or(0.0).max(1.0) / N_BINS as f64).ceil();
    let [reference, candidate] = values.each_ref().map(|values| {
        let mut bins = vec![0.0; N_BINS];
        let share = 1.0 / values.len().max(1) as f64;
        values.iter().for_each(|value| bins[((value / width) as usize).min(N_BINS - 1)] += share);
        bins
    });
    Histogram {
        title,
        edges: (0..=N_BINS).map(|at| at as f64 * width).collect(),
        names: Vec::new(),
        reference,
        candidate,
    }
}
