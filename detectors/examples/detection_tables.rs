//! The figures of the detection chapter, from the public pairs of Fast-DetectGPT: `cargo run --release -p
//! gristmill-detectors --example detection_tables -- FOLDER [TABLE …]`.
//!
//! FOLDER holds `DOMAIN_MODEL.json` files, each an object of two lists, `original` (human) and `sampled` (machine).
//! Everything is read in the form N2 and split by human document.

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_detectors::eval::Curve;
use gristmill_detectors::machine::compress::Prelude;
use gristmill_detectors::machine::detector::{Detector, DetectorParams};
use gristmill_detectors::machine::fewshot::{Contrast, Encoder, StyleEncoder, Supports, mean};
use gristmill_detectors::machine::normalise::Level;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

type Failure = Box<dyn std::error::Error>;

struct Pair {
    human: String,
    machine: String,
    /// Hash of the human text's beginning.
    key: u64,
}

struct Cell {
    domain: String,
    model: String,
    pairs: Vec<Pair>,
}

#[derive(Clone, Copy, PartialEq)]
enum Family {
    Chat,
    Base,
}

impl Cell {
    fn family(&self) -> Option<Family> {
        match self.model.as_str() {
            "gpt-3.5-turbo" | "gpt-4" => Some(Family::Chat),
            "davinci" => None,
            _ => Some(Family::Base),
        }
    }

    fn fold(&self, i: usize) -> u64 {
        self.pairs[i].key % 2
    }
}

fn read(folder: &Path) -> Result<Vec<Cell>, Failure> {
    let mut cells = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some((domain, model)) = name.strip_suffix(".json").and_then(|stem| stem.split_once('_')) else { continue };
        let data: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&std::fs::read(file.path())?)?;
        let side = |key: &str| -> Vec<String> {
            let list = data.get(key).and_then(serde_json::Value::as_array);
            list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let (original, sampled) = (side("original"), side("sampled"));
        if original.is_empty() {
            continue;
        }
        let pairs = original.iter().zip(&sampled).map(|(human, machine)| Pair {
            key: xxh3_64_with_seed(human.chars().take(60).collect::<String>().as_bytes(), 0),
            human: Level::N2.apply(human).into_owned(),
            machine: Level::N2.apply(machine).into_owned(),
        });
        cells.push(Cell { domain: domain.into(), model: model.into(), pairs: pairs.collect() });
    }
    Ok(cells)
}

#[derive(Clone, Copy, Default)]
struct Figures {
    auroc: f64,
    tpr: f64,
    partial: f64,
}

fn figures(human: &[f64], machine: &[f64]) -> Figures {
    let Ok(curve) = Curve::of(human, machine) else { return Figures::default() };
    Figures {
        auroc: curve.auroc().unwrap_or(0.5),
        tpr: curve.at_fpr(0.01).and_then(|point| point.tpr).unwrap_or(0.0),
        partial: curve.partial_auroc(0.01).unwrap_or(0.5),
    }
}

fn average(all: &[Figures]) -> Figures {
    let n = all.len().max(1) as f64;
    let mean = |of: fn(&Figures) -> f64| all.iter().map(of).sum::<f64>() / n;
    Figures { auroc: mean(|f| f.auroc), tpr: mean(|f| f.tpr), partial: mean(|f| f.partial) }
}

/// Prints a row per cell and the means of the families.
fn print(title: &str, rows: &[(&Cell, Vec<(&str, Figures)>)]) {
    println!("\n{title}: AUROC / TPR at 1 % FPR");
    for (cell, row) in rows {
        let shown = row.iter().map(|(name, f)| format!("{name} {:.3}/{:.2}", f.auroc, f.tpr));
        println!("  {:8}{:16}{}", cell.domain, cell.model, shown.collect::<Vec<_>>().join("  "));
    }
    for (name, family) in [("chat", Some(Family::Chat)), ("base", Some(Family::Base)), ("davinci", None)] {
        let of: Vec<_> = rows.iter().filter(|(cell, _)| cell.family() == family).collect();
        let Some((_, first)) = of.first() else { continue };
        let shown = (0..first.len()).map(|i| {
            let mean = average(&of.iter().map(|(_, row)| row[i].1).collect::<Vec<_>>());
            format!("{} {:.4}/{:.3}", first[i].0, mean.auroc, mean.tpr)
        });
        println!("  mean {name:8} {:2} cells   {}", of.len(), shown.collect::<Vec<_>>().join("  "));
    }
}

/// Fits on the chosen pairs of some cells.
fn fit<'a>(training: impl Iterator<Item = (&'a Cell, usize)>) -> Option<Detector> {
    let (mut texts, mut machine, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for (cell, i) in training {
        let pair = &cell.pairs[i];
        texts.extend([pair.human.as_str(), pair.machine.as_str()]);
        machine.extend([false, true]);
        groups.extend([pair.key; 2]);
    }
    Detector::fit(&texts, &machine, &groups, DetectorParams::default()).ok()
}

/// Scores of the detector and of its heads, over some pairs of a cell.
fn score(detector: &Detector, cell: &Cell, chosen: &[usize]) -> Vec<(&'static str, Figures)> {
    let mut scorer = detector.scorer();
    let mut columns = vec![(Vec::new(), Vec::new()); 3];
    for i in chosen {
        let (human, machine) = (scorer.score(&cell.pairs[*i].human), scorer.score(&cell.pairs[*i].machine));
        for (column, (h, m)) in columns.iter_mut().zip([
            (human.score, machine.score),
            (human.ngram, machine.ngram),
            (human.style, machine.style),
        ]) {
            column.0.push(h);
            column.1.push(m);
        }
    }
    ["stack", "n-grams", "style"].into_iter().zip(&columns).map(|(name, (h, m))| (name, figures(h, m))).collect()
}

fn merge(folds: &[Vec<(&'static str, Figures)>]) -> Vec<(&'static str, Figures)> {
    (0..folds[0].len()).map(|i| (folds[0][i].0, average(&folds.iter().map(|f| f[i].1).collect::<Vec<_>>()))).collect()
}

/// Which pairs may be learnt from when a pair of `cell` in `fold` is scored.
type Allowed = fn(cell: &Cell, fold: u64, other: &Cell, i: usize) -> bool;

fn supervised(cells: &[Cell], title: &str, two_folds: bool, allowed: Allowed) {
    let rows: Vec<_> = cells
        .par_iter()
        .filter_map(|cell| {
            let folds: Vec<_> = (0..if two_folds { 2 } else { 1 })
                .filter_map(|fold| {
                    let training = cells.iter().flat_map(|other| (0..other.pairs.len()).map(move |i| (other, i)));
                    let detector = fit(training.filter(|(other, i)| allowed(cell, fold, other, *i)))?;
                    let chosen = (0..cell.pairs.len()).filter(|i| !two_folds || cell.fold(*i) == fold);
                    Some(score(&detector, cell, &chosen.collect::<Vec<_>>()))
                })
                .collect();
            (!folds.is_empty()).then(|| (cell, merge(&folds)))
        })
        .collect();
    print(title, &rows);
}

/// A stream of numbers from a seed.
struct Dice(u64);

impl Dice {
    fn choose(&mut self, from: &[usize], n: usize) -> Vec<usize> {
        let mut keyed: Vec<(u64, usize)> =
            from.iter().map(|i| (xxh3_64_with_seed(&i.to_le_bytes(), self.0), *i)).collect();
        self.0 += 1;
        keyed.sort_unstable();
        keyed.into_iter().take(n).map(|(_, i)| i).collect()
    }
}

const TRIALS: u64 = 8;
const EPISODES: usize = 500;

fn few_shot(cells: &[Cell]) {
    let rows: Vec<_> = cells
        .par_iter()
        .map(|cell| {
            // The scale comes from human text of another domain.
            let other = if cell.domain == "squad" { "writing" } else { "squad" };
            let scale = cells.iter().find(|c| c.domain == other).map_or(&cell.pairs, |c| &c.pairs);
            let scale: Vec<&str> = scale.iter().map(|pair| pair.human.as_str()).collect();
            let encoder = StyleEncoder::fit(&scale).expect("the scale has texts");
            let human = encoder.encode(&cell.pairs.iter().map(|p| p.human.as_str()).collect::<Vec<_>>());
            let machine = encoder.encode(&cell.pairs.iter().map(|p| p.machine.as_str()).collect::<Vec<_>>());
            let all: Vec<usize> = (0..cell.pairs.len()).collect();
            let mut row = Vec::new();
            for n in [1, 5, 10, 25] {
                let (mut single, mut episodes) = (Vec::new(), Vec::new());
                for trial in 0..TRIALS {
                    let mut dice = Dice(1_000 * trial);
                    let known = dice.choose(&all, 25 + n);
                    let (centre, support) = known.split_at(25);
                    let rest: Vec<usize> = all.iter().copied().filter(|i| !known.contains(i)).collect();
                    let of = |rows: &[Vec<f32>], places: &[usize]| places.iter().map(|i| rows[*i].clone()).collect::<Vec<_>>();
                    let contrast = Contrast::fit(&of(&human, centre), &of(&machine, support)).expect("two sides");
                    let scores = |rows: &[Vec<f32>]| rest.iter().map(|i| contrast.score(&rows[*i])).collect::<Vec<_>>();
                    single.push(figures(&scores(&human), &scores(&machine)));
                    let supports = Supports::new(&of(&human, centre), &[(cell.model.clone(), of(&machine, support))]);
                    let supports = supports.expect("a support");
                    let mut drawn = |rows: &[Vec<f32>]| {
                        (0..EPISODES)
                            .map(|_| dice.choose(&rest, n))
                            .map(|places| mean(places.iter().map(|i| &rows[*i]), encoder.n_dims()))
                            .map(|vector| supports.attribute(&supports.episode(&[vector])).score)
                            .collect::<Vec<f64>>()
                    };
                    let (h, m) = (drawn(&human), drawn(&machine));
                    episodes.push(figures(&h, &m));
                }
                row.push((n, average(&single), average(&episodes)));
            }
            (cell, row)
        })
        .collect();
    println!("\nfew-shot, {TRIALS} trials, 25 human texts; one text: AUROC / TPR at 1 %; episodes of N (500 a side): AUROC / pAUC at 1 %");
    for (name, family) in [("chat", Some(Family::Chat)), ("base", Some(Family::Base))] {
        let of: Vec<_> = rows.iter().filter(|(cell, _)| cell.family() == family).collect();
        for (k, n) in [1, 5, 10, 25].into_iter().enumerate() {
            let single = average(&of.iter().map(|(_, row)| row[k].1).collect::<Vec<_>>());
            let episodes = average(&of.iter().map(|(_, row)| row[k].2).collect::<Vec<_>>());
            println!(
                "  {name} N = {n:2}   one text {:.3}/{:.2}   episodes {:.3}/{:.3}",
                single.auroc, single.tpr, episodes.auroc, episodes.partial
            );
        }
    }
}

fn compression(cells: &[Cell]) {
    let rows: Vec<_> = cells
        .par_iter()
        .map(|cell| {
            let foreign = cells.iter().filter(|c| c.domain != cell.domain && c.family() == Some(Family::Chat));
            let foreign: Vec<&str> = foreign.flat_map(|c| c.pairs.iter().take(20)).map(|p| p.machine.as_str()).collect();
            let empty = Prelude::empty();
            let foreign = Prelude::of(foreign);
            let by = |name: &'static str, score: &mut dyn FnMut(&str) -> f64| {
                let side = |text: fn(&Pair) -> &str, score: &mut dyn FnMut(&str) -> f64| {
                    cell.pairs.iter().map(|pair| -score(text(pair))).collect::<Vec<_>>()
                };
                let (h, m) = (side(|p| &p.human, score), side(|p| &p.machine, score));
                (name, figures(&h, &m))
            };
            let deflated = |text: &str| {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
                let _ = std::io::Write::write_all(&mut encoder, text.as_bytes());
                encoder.finish().map_or(0.0, |bytes| bytes.len() as f64 / text.len().max(1) as f64)
            };
            let (mut a, mut b) = (empty.compressor(), foreign.compressor());
            let mut row = vec![
                by("zlib", &mut |text| deflated(text)),
                by("ppm", &mut |text| a.bits_per_byte(text)),
                by("ppm, foreign chat", &mut |text| b.bits_per_byte(text)),
                by("difference", &mut |text| b.bits_per_byte(text) - a.bits_per_byte(text)),
            ];
            let folds: Vec<_> = (0..2)
                .map(|fold| {
                    let learnt = || cell.pairs.iter().filter(|pair| pair.key % 2 != fold);
                    let people = Prelude::of(learnt().map(|pair| pair.human.as_str()));
                    let machines = Prelude::of(learnt().map(|pair| pair.machine.as_str()));
                    let (mut p, mut q) = (people.compressor(), machines.compressor());
                    let mut score = |text: &str| p.bits_per_byte(text) - q.bits_per_byte(text);
                    let held: Vec<&Pair> = cell.pairs.iter().filter(|pair| pair.key % 2 == fold).collect();
                    let h: Vec<f64> = held.iter().map(|pair| score(&pair.human)).collect();
                    let m: Vec<f64> = held.iter().map(|pair| score(&pair.machine)).collect();
                    figures(&h, &m)
                })
                .collect();
            row.push(("two preludes", average(&folds)));
            (cell, row)
        })
        .collect();
    print("compression", &rows);
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("which folder?")?;
    let wanted: Vec<String> = args.collect();
    let cells = read(Path::new(&folder))?;
    let is_wanted = |table: &str| wanted.is_empty() || wanted.iter().any(|name| name == table);
    if is_wanted("compression") {
        compression(&cells);
    }
    if is_wanted("few-shot") {
        few_shot(&cells);
    }
    if is_wanted("in-domain") {
        let same: Allowed = |cell, fold, other, i| std::ptr::eq(cell, other) && other.fold(i) != fold;
        supervised(&cells, "in domain, same model", true, same);
    }
    if is_wanted("unseen-model") {
        supervised(&cells, "same domain, unseen model of the family", true, |cell, fold, other, i| {
            other.domain == cell.domain
                && other.model != cell.model
                && other.family() == cell.family()
                && other.fold(i) != fold
        });
    }
    if is_wanted("unseen-domain") {
        supervised(&cells, "unseen domain, models of the family", false, |cell, _, other, _| {
            other.domain != cell.domain && other.family().is_some() && other.family() == cell.family()
        });
        supervised(&cells, "unseen domain and unseen model of the family", false, |cell, _, other, _| {
            other.domain != cell.domain
                && other.model != cell.model
                && other.family().is_some()
                && other.family() == cell.family()
        });
    }
    Ok(())
}
