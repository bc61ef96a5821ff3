//! The figures of the detection chapter, from the public pairs of Fast-DetectGPT: `cargo run --release --workspace
//! --example detection_tables -- FOLDER [TABLE …]`.
//!
//! FOLDER holds `DOMAIN_MODEL.json` files, each an object of two lists, `original` (human) and `sampled` (machine).
//! Everything is read in the form N2 and split by human document; intervals are 95 % over human documents. Beside each
//! figure stand the baseline that was measured with throw-away scripts and the target, where there is one; baselines
//! of chat models were taken over six cells, two of which (PubMed) this folder may lack.
#![allow(missing_docs, clippy::print_stdout, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_detectors::calibrate::{CalibrationParams, CalibrationRow, CalibrationTable};
use gristmill_detectors::eval::Curve;
use gristmill_detectors::machine::compress::Prelude;
use gristmill_detectors::machine::detector::DetectorParams;
use gristmill_detectors::machine::fewshot::{Contrast, Encoder, StyleEncoder, Supports, mean};
use gristmill_detectors::machine::pool::{Cell, CellScores, fit, mean_over_cells, small_params, tpr_at_1_percent};
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

type Failure = Box<dyn std::error::Error>;

#[derive(Clone, Copy, PartialEq)]
enum Family {
    Chat,
    Base,
}

/// None for models that are neither a chat model nor a plain sample.
fn family(cell: &Cell) -> Option<Family> {
    match cell.model.as_str() {
        "gpt-3.5-turbo" | "gpt-4" => Some(Family::Chat),
        "davinci" => None,
        _ => Some(Family::Base),
    }
}

const FAMILIES: [(&str, Family); 2] = [("chat", Family::Chat), ("base", Family::Base)];

fn read(folder: &Path) -> Result<Vec<Cell>, Failure> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut cells = Vec::new();
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some((domain, model)) = name.strip_suffix(".json").and_then(|stem| stem.split_once('_')) else { continue };
        let data: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&std::fs::read(file.path())?)?;
        let side = |key: &str| -> Vec<String> {
            let list = data.get(key).and_then(serde_json::Value::as_array);
            list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let (original, sampled) = (side("original"), side("sampled"));
        if !original.is_empty() {
            cells.push(Cell::new(domain, model, &original, &sampled));
        }
    }
    Ok(cells)
}

type Statistic = fn(&Curve) -> Option<f64>;

fn shown(cells: &[CellScores], statistic: Statistic) -> String {
    match mean_over_cells(cells, statistic) {
        Some((value, Some(interval))) => format!("{value:.3} [{:.3}, {:.3}]", interval.low, interval.high),
        Some((value, None)) => format!("{value:.3}"),
        None => "-".to_owned(),
    }
}

/// What is known of a figure beforehand: baseline and target of a family.
type Known = [&'static str; 2];

/// A cell with its scores by several detectors, in parts that were scored by different ones.
type Row<'c> = (&'c Cell, Vec<(&'static str, Vec<CellScores>)>);

/// Prints the means over the cells of each family, a line per score.
fn print(title: &str, rows: &[Row<'_>], known: Known) {
    println!("\n{title}");
    for ((name, wanted), known) in FAMILIES.into_iter().zip(known) {
        let of: Vec<_> = rows.iter().filter(|(cell, _)| family(cell) == Some(wanted)).collect();
        let Some((_, first)) = of.first() else { continue };
        println!("  {name}, {} cells; {known}", of.len());
        for (i, (score, _)) in first.iter().enumerate() {
            let cells: Vec<CellScores> = of.iter().flat_map(|(_, row)| row[i].1.clone()).collect();
            println!(
                "    {score:22} AUROC {}  TPR@1% {}",
                shown(&cells, Curve::auroc),
                shown(&cells, tpr_at_1_percent)
            );
        }
    }
    for (cell, row) in rows {
        let means = row.iter().map(|(name, cells)| {
            let of = |statistic: Statistic| mean_over_cells(cells, statistic).map_or(f64::NAN, |(value, _)| value);
            format!("{name} {:.3}/{:.2}", of(Curve::auroc), of(tpr_at_1_percent))
        });
        println!("      {:8}{:16}{}", cell.domain, cell.model, means.collect::<Vec<_>>().join("  "));
    }
}

/// Whether `other` may be learnt from when `cell` is scored; in two folds, pairs of the scored fold never are.
type Allowed = fn(cell: &Cell, other: &Cell) -> bool;

fn of_fold(cell: &Cell, fold: u64) -> impl Iterator<Item = usize> {
    (0..cell.keys.len()).filter(move |i| cell.keys[*i] % 2 == fold)
}

/// The part of a cell that lies in a fold.
fn part(cell: &Cell, fold: u64) -> Cell {
    let mut part = Cell { domain: cell.domain.clone(), model: cell.model.clone(), ..Cell::default() };
    for i in of_fold(cell, fold) {
        part.human.push(cell.human[i].clone());
        part.machine.push(cell.machine[i].clone());
        part.keys.push(cell.keys[i]);
    }
    part
}

fn supervised(cells: &[Cell], title: &str, two_folds: bool, params: DetectorParams, allowed: Allowed, known: Known) {
    let same = |cell: &Cell, other: &Cell| family(other).is_some() && family(other) == family(cell);
    let rows: Vec<_> = cells
        .par_iter()
        .filter_map(|cell| {
            let mut columns = [("n-grams + style", vec![]), ("n-grams", vec![]), ("style", vec![])];
            for fold in 0..if two_folds { 2 } else { 1 } {
                let learnt = cells.iter().filter(|other| same(cell, other) && allowed(cell, other));
                let learnt: Vec<Cell> =
                    learnt.map(|other| if two_folds { part(other, 1 - fold) } else { other.clone() }).collect();
                let detector = fit(&learnt, params).ok()?;
                let mut scorer = detector.scorer();
                let places: Vec<usize> =
                    (0..cell.keys.len()).filter(|i| !two_folds || cell.keys[*i] % 2 == fold).collect();
                for (i, (_, scores)) in columns.iter_mut().enumerate() {
                    scores.push(CellScores::of(cell, places.iter().copied(), |text| {
                        let found = scorer.score(text);
                        [found.score, found.ngram, found.style][i]
                    }));
                }
            }
            Some((cell, columns.to_vec()))
        })
        .collect();
    print(title, &rows, known);
}

/// A stream of choices from a seed.
struct Dice(u64);

impl Dice {
    fn choose(&mut self, from: &[usize], n: usize) -> Vec<usize> {
        self.0 += 1;
        let mut keyed: Vec<(u64, usize)> =
            from.iter().map(|i| (xxh3_64_with_seed(&i.to_le_bytes(), self.0), *i)).collect();
        keyed.sort_unstable();
        keyed.into_iter().take(n).map(|(_, i)| i).collect()
    }
}

const TRIALS: u64 = 8;
const EPISODES: usize = 500;
const SUPPORTS: [usize; 4] = [1, 5, 10, 25];

/// The human texts of a domain, each once, with what they are known by.
fn people<'c>(cells: &'c [Cell], domain: &str) -> Vec<(u64, &'c str)> {
    let of = cells.iter().filter(|cell| cell.domain == domain);
    let all = of.flat_map(|cell| cell.keys.iter().copied().zip(cell.human.iter().map(String::as_str)));
    all.collect::<BTreeMap<u64, &str>>().into_iter().collect()
}

/// Scores of single texts by contrast, and of episodes by cosine, for a number of machine texts. Human episodes are drawn
/// from all human texts of the domain but those that give the centre or began a support.
fn few_shot_cell(cell: &Cell, people: &[(u64, &str)], encoder: &StyleEncoder, n: usize) -> [Vec<CellScores>; 2] {
    let encode = |texts: &[String]| encoder.encode(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let (human, machine) = (encode(&cell.human), encode(&cell.machine));
    let writers = encoder.encode(&people.iter().map(|(_, text)| *text).collect::<Vec<_>>());
    let all: Vec<usize> = (0..cell.keys.len()).collect();
    let of = |rows: &[Vec<f32>], places: &[usize]| places.iter().map(|i| rows[*i].clone()).collect::<Vec<_>>();
    let mut found = [vec![], vec![]];
    for trial in 0..TRIALS {
        let mut dice = Dice(1_000_000 * trial);
        let known = dice.choose(&all, 25 + n);
        let (centre, support) = known.split_at(25);
        let rest: Vec<usize> = all.iter().copied().filter(|i| !known.contains(i)).collect();
        let contrast = Contrast::fit(&of(&human, centre), &of(&machine, support)).expect("two sides");
        let single = |rows: &[Vec<f32>]| rest.iter().map(|i| contrast.score(&rows[*i])).collect();
        let keys = rest.iter().map(|i| cell.keys[*i]).collect();
        found[0].push(CellScores { human: single(&human), machine: single(&machine), keys });
        let supports = Supports::new(&of(&human, centre), &[(cell.model.clone(), of(&machine, support))]);
        let supports = supports.expect("a support");
        let mut episodes = |rows: &[Vec<f32>], from: &[usize]| {
            let drawn = (0..EPISODES).map(|_| mean(dice.choose(from, n).iter().map(|i| &rows[*i]), encoder.n_dims()));
            drawn.map(|vector| supports.attribute(&supports.episode(&[vector])).score).collect::<Vec<f64>>()
        };
        let others: Vec<usize> =
            (0..people.len()).filter(|i| !known.iter().any(|k| cell.keys[*k] == people[*i].0)).collect();
        // Episodes of a trial are drawn again as a whole: their texts overlap.
        let keys = vec![trial; EPISODES];
        let (human, machine) = (episodes(&writers, &others), episodes(&machine, &rest));
        found[1].push(CellScores { human, machine, keys });
    }
    found
}

/// Of Student's t with one degree of freedom less than there are trials, the two-sided 95 % point.
const T_95: f64 = 2.365;

/// The mean over trials and its 95 % interval; a trial's value is the mean over its cells. Human documents cannot be drawn
/// again here, since each stands in many episodes.
fn over_trials(cells: &[CellScores], statistic: Statistic) -> String {
    let of_trial = |trial| {
        let cells: Vec<CellScores> = cells.iter().filter(|cell| cell.keys[0] == trial).cloned().collect();
        mean_over_cells(&cells, statistic).map_or(f64::NAN, |(value, _)| value)
    };
    let values: Vec<f64> = (0..TRIALS).map(of_trial).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = T_95 * (variance / n).sqrt();
    format!("{mean:.3} [{:.3}, {:.3}]", mean - half, (mean + half).min(1.0))
}

fn few_shot(cells: &[Cell]) {
    println!(
        "\n3.4 few-shot: {TRIALS} trials, 25 human texts of the domain; episodes: {EPISODES} a side and trial, human ones from all \
         human texts of the domain; their intervals are over trials"
    );
    let single =
        [["AUROC .78, target .82", "AUROC .93, target .94", ".945, target .955", ".955, target .965"], [""; 4]];
    let episode = [
        ["", "pAUC .98, target .95", "pAUC 1.00, target .99", ""],
        ["", "", "AUROC .88, target .90", "AUROC .97, target .975"],
    ];
    for ((name, wanted), (single, episode)) in FAMILIES.into_iter().zip(single.into_iter().zip(episode)) {
        for (i, n) in SUPPORTS.into_iter().enumerate() {
            let found: Vec<_> = cells
                .par_iter()
                .filter(|cell| family(cell) == Some(wanted))
                .map(|cell| {
                    // The scale comes from human text of another domain.
                    let other = if cell.domain == "squad" { "writing" } else { "squad" };
                    let scale = cells.iter().find(|c| c.domain == other).map_or(&cell.human, |c| &c.human);
                    let scale: Vec<&str> = scale.iter().map(String::as_str).collect();
                    let encoder = StyleEncoder::fit(&scale).expect("the scale has texts");
                    few_shot_cell(cell, &people(cells, &cell.domain), &encoder, n)
                })
                .collect();
            let of = |kind: usize| found.iter().flat_map(|both| both[kind].clone()).collect::<Vec<CellScores>>();
            let (texts, episodes) = (of(0), of(1));
            let mean = |cells: &[CellScores], statistic: Statistic| {
                mean_over_cells(cells, statistic).map_or(f64::NAN, |(value, _)| value)
            };
            println!(
                "  {name} N = {n:2}  one text: AUROC {} TPR@1% {:.3} ({})  episodes: AUROC {} pAUC@1% {} ({})",
                shown(&texts, Curve::auroc),
                mean(&texts, tpr_at_1_percent),
                single[i],
                over_trials(&episodes, Curve::auroc),
                over_trials(&episodes, |curve| curve.partial_auroc(0.01)),
                episode[i],
            );
        }
    }
}

/// Compressed bytes per byte.
fn deflated(text: &str) -> f64 {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let _ = std::io::Write::write_all(&mut encoder, text.as_bytes());
    encoder.finish().map_or(0.0, |bytes| bytes.len() as f64 / text.len().max(1) as f64)
}

fn compression(cells: &[Cell]) {
    let rows: Vec<_> = cells
        .par_iter()
        .filter(|cell| family(cell).is_some())
        .map(|cell| {
            let foreign = cells.iter().filter(|c| c.domain != cell.domain && family(c) == Some(Family::Chat));
            let foreign: Vec<&str> = foreign.flat_map(|c| c.machine.iter().take(20)).map(String::as_str).collect();
            let (nothing, foreign) = (Prelude::empty(), Prelude::of(foreign));
            let all = || 0..cell.keys.len();
            // Of its own family, from other domains and other models: what the user of a prelude of ours has.
            let akin: Vec<&Cell> = cells
                .iter()
                .filter(|c| c.domain != cell.domain && c.model != cell.model && family(c) == family(cell))
                .collect();
            let texts = |of: fn(&Cell) -> &Vec<String>| -> Vec<&str> {
                akin.iter().flat_map(|c| of(c).iter().take(20)).map(String::as_str).collect()
            };
            let (machines, people) = (Prelude::of(texts(|c| &c.machine)), Prelude::of(texts(|c| &c.human)));
            let (mut m, mut h) = (machines.compressor(), people.compressor());
            let (mut a, mut b) = (nothing.compressor(), foreign.compressor());
            let mut row = vec![
                ("zlib ratio", vec![CellScores::of(cell, all(), |text| -deflated(text))]),
                ("no prelude", vec![CellScores::of(cell, all(), |text| -a.bits_per_byte(text))]),
                ("foreign chat prelude", vec![CellScores::of(cell, all(), |text| -b.bits_per_byte(text))]),
                ("foreign, its family", vec![CellScores::of(cell, all(), |text| -m.bits_per_byte(text))]),
            ];
            let ratio = |text: &str| (h.bits_per_byte(text) / m.bits_per_byte(text)).ln();
            row.push(("the same over human", vec![CellScores::of(cell, all(), ratio)]));
            let held = |fold: u64| {
                let learnt = part(cell, 1 - fold);
                let people = Prelude::of(learnt.human.iter().map(String::as_str));
                let machines = Prelude::of(learnt.machine.iter().map(String::as_str));
                let (mut p, mut q) = (people.compressor(), machines.compressor());
                CellScores::of(cell, of_fold(cell, fold), |text| p.bits_per_byte(text) - q.bits_per_byte(text))
            };
            row.push(("two preludes, learnt", vec![held(0), held(1)]));
            (cell, row)
        })
        .collect();
    let known =
        ["zlib .808, ZipPy .862 (target .86), learnt .961/.73", "zlib .648, ZipPy .672 (target .67), learnt .617/.06"];
    print("3.5 compression, zero-shot but for the last row", &rows, known);
}

/// False alarms at nominal 1 %: the threshold from the domains of training, and from 200 human texts of the domain.
fn calibration(cells: &[Cell]) {
    println!(
        "\nrealised FPR at nominal 1 %, embedded kind of head, domain left out of training (target <= 2 % with 200 texts)"
    );
    let human = |domain: &str| -> Vec<&String> {
        let files = cells.iter().filter(|cell| cell.domain == domain);
        files.max_by_key(|cell| cell.human.len()).map_or_else(Vec::new, |cell| cell.human.iter().collect())
    };
    let threshold = |scores: &[f64]| {
        let row = |(i, score): (usize, &f64)| CalibrationRow {
            score: *score,
            machine: false,
            group: i as u64,
            domain: "",
            n_words: 150,
        };
        let rows: Vec<CalibrationRow<'_>> = scores.iter().enumerate().map(row).collect();
        let table = CalibrationTable::fit(&rows, &CalibrationParams::default()).expect("finite scores");
        table.entry("", 150).and_then(|entry| entry.machine_above).map_or(f64::INFINITY, |bound| bound.threshold)
    };
    for (name, wanted) in FAMILIES {
        for domain in ["xsum", "writing", "squad"] {
            let learnt = cells.iter().filter(|cell| family(cell) == Some(wanted) && cell.domain != domain);
            let Ok(detector) = fit(learnt.clone(), small_params()) else { continue };
            let mut scorer = detector.scorer();
            let mut scores = |texts: Vec<&String>| texts.iter().map(|t| scorer.score(t).score).collect::<Vec<f64>>();
            let local = scores(human(domain));
            // Human texts of the training domains; for the chat head most of them were not trained on.
            let mut domains: Vec<&str> = learnt.map(|cell| cell.domain.as_str()).collect();
            domains.dedup();
            let elsewhere = threshold(&scores(domains.iter().flat_map(|d| human(d)).collect()));
            let above = |scores: &mut dyn Iterator<Item = &f64>, limit: f64| {
                let (mut n, mut n_above) = (0_usize, 0_usize);
                scores.for_each(|score| {
                    n += 1;
                    n_above += usize::from(*score > limit);
                });
                100.0 * n_above as f64 / n.max(1) as f64
            };
            let without = above(&mut local.iter(), elsewhere);
            let all: Vec<usize> = (0..local.len()).collect();
            let with: Vec<f64> = (0..50)
                .map(|trial| {
                    let chosen = Dice(trial).choose(&all, 200);
                    let limit = threshold(&chosen.iter().map(|i| local[*i]).collect::<Vec<_>>());
                    above(&mut all.iter().filter(|i| !chosen.contains(i)).map(|i| &local[*i]), limit)
                })
                .collect();
            let (mean, most) = (with.iter().sum::<f64>() / with.len() as f64, with.iter().copied().fold(0.0, f64::max));
            println!(
                "  {name} head, {domain:8} without {without:.1} %   with {mean:.2} % (mean of 50 draws; most {most:.1} %)"
            );
        }
    }
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("which folder?")?;
    let tables: Vec<String> = args.collect();
    let cells = read(Path::new(&folder))?;
    let is_wanted = |table: &str| tables.is_empty() || tables.iter().any(|name| name == table);
    if is_wanted("compression") {
        compression(&cells);
    }
    if is_wanted("few-shot") {
        few_shot(&cells);
    }
    let full = DetectorParams::default();
    if is_wanted("in-domain") {
        let same: Allowed = |cell, other| cell.domain == other.domain && cell.model == other.model;
        let known = [
            "baseline .978-.982 / .72-.80 (over these four cells: style .988/.73, n-grams .990/.91), target .985 / .80",
            "baseline .80-.816 / .17, target .84",
        ];
        supervised(&cells, "3.1 in domain, same model, two folds", true, full, same, known);
    }
    if is_wanted("unseen-model") {
        let other_model: Allowed = |cell, other| cell.domain == other.domain && cell.model != other.model;
        let known = ["baseline .948 / .58, target .95", "baseline .816, target .83"];
        supervised(&cells, "3.2 same domain, unseen model, disjoint documents", true, full, other_model, known);
    }
    if is_wanted("unseen-domain") {
        let other_domain: Allowed = |cell, other| cell.domain != other.domain;
        let known = ["baseline .885 / .42", "baseline .69 (trees; .720 with 10 human texts), target .72"];
        supervised(&cells, "3.2 unseen domain", false, small_params(), other_domain, known);
        let both: Allowed = |cell, other| cell.domain != other.domain && cell.model != other.model;
        let known = ["baseline .882 / .37 (DetectRL .92 / .5), target .93 / .55", "no baseline"];
        supervised(&cells, "3.2 unseen domain and unseen model", false, small_params(), both, known);
    }
    if is_wanted("calibration") {
        calibration(&cells);
    }
    Ok(())
}
