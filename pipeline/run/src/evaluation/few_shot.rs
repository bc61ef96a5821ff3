//! Few-shot detection in an evaluation: a column of single texts, and the protocol by episodes.

use std::collections::BTreeMap;

use gristmill_detectors::eval::rng::Draws;
use gristmill_detectors::machine::fewshot::protocol::{Attributions, ProtocolRow, multiple_target, single_target};
use gristmill_detectors::machine::fewshot::{Contrast, Encoder, StyleEncoder};
use serde::{Deserialize, Serialize};

use super::columns::Column;
use super::settings::FewShotTable;
use super::texts::KnownText;

/// The protocol's figures for a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FewShotFigures {
    /// Name of the detector in the config.
    pub detector: String,
    /// Domain.
    pub domain: String,
    /// One machine at a time: its name and its figures by size.
    pub single: Vec<(String, Vec<ProtocolRow>)>,
    /// All machines at once, by size.
    pub multiple: Vec<Attributions>,
}

/// The vectors of the texts of a domain.
struct Encoded {
    domain: String,
    human: Vec<(usize, Vec<f32>)>,
    machines: BTreeMap<String, Vec<(usize, Vec<f32>)>>,
}

/// The style of all texts, domain by domain, on the scale of the human texts of the other domains where there are any.
fn encoded(texts: &[KnownText]) -> Result<Vec<Encoded>, String> {
    let mut domains: Vec<&str> = texts.iter().map(|text| text.domain.as_str()).collect();
    domains.sort_unstable();
    domains.dedup();
    let mut all = Vec::new();
    for domain in domains {
        let human = |own: bool| {
            let of = texts.iter().filter(move |text| !text.machine && (text.domain == domain) == own);
            of.map(|text| text.text.as_str()).collect::<Vec<&str>>()
        };
        let scale = if human(false).is_empty() { human(true) } else { human(false) };
        let encoder = StyleEncoder::fit(&scale).ok_or("few-shot detection needs human texts")?;
        let chosen: Vec<usize> = (0..texts.len()).filter(|i| texts[*i].domain == domain).collect();
        let rows = encoder.encode(&chosen.iter().map(|i| texts[*i].text.as_str()).collect::<Vec<_>>());
        let mut found = Encoded { domain: domain.to_owned(), human: Vec::new(), machines: BTreeMap::new() };
        for (i, row) in chosen.into_iter().zip(rows) {
            match texts[i].machine {
                false => found.human.push((i, row)),
                true => found.machines.entry(texts[i].source.clone()).or_default().push((i, row)),
            }
        }
        all.push(found);
    }
    Ok(all)
}

/// Some rows by chance, and the others.
type Parts<'a> = (Vec<&'a (usize, Vec<f32>)>, Vec<&'a (usize, Vec<f32>)>);

fn parted<'a>(rows: &'a [(usize, Vec<f32>)], n: usize, draws: &mut Draws) -> Parts<'a> {
    let mut rows: Vec<&(usize, Vec<f32>)> = rows.iter().collect();
    draws.shuffle(&mut rows);
    let rest = rows.split_off(n.min(rows.len()));
    (rows, rest)
}

/// Scores of single texts by the contrast of a few machine and human texts of their domain; those few have no score.
pub(super) fn column(name: &str, texts: &[KnownText], table: &FewShotTable, seed: u64) -> Result<Column, String> {
    let mut scores: Vec<Result<f64, String>> = vec![Err("its domain has one side only".into()); texts.len()];
    let rows = |chosen: &[&(usize, Vec<f32>)]| chosen.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>();
    for (place, domain) in encoded(texts)?.iter().enumerate() {
        let mut draws = Draws::new(seed, "few-shot column", place as u64);
        let (centre, mut rest) = parted(&domain.human, table.protocol.n_human, &mut draws);
        let mut supports = Vec::new();
        for machine in domain.machines.values() {
            let (support, others) = parted(machine, table.size, &mut draws);
            supports.extend(support);
            rest.extend(others);
        }
        if supports.is_empty() || centre.is_empty() {
            continue;
        }
        let contrast = Contrast::fit(&rows(&centre), &rows(&supports)).map_err(|e| e.to_string())?;
        rest.iter().for_each(|(i, row)| scores[*i] = Ok(contrast.score(row)));
        supports.iter().chain(&centre).for_each(|(i, _)| scores[*i] = Err("it is one of the examples".into()));
    }
    Ok(Column::new(name.to_owned(), scores))
}

/// The protocol in each domain.
pub(super) fn protocol(name: &str, texts: &[KnownText], table: &FewShotTable) -> Result<Vec<FewShotFigures>, String> {
    let mut all = Vec::new();
    for domain in encoded(texts)? {
        let plain = |rows: &[(usize, Vec<f32>)]| rows.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>();
        let human = plain(&domain.human);
        let machines: Vec<(String, Vec<Vec<f32>>)> =
            domain.machines.iter().map(|(name, rows)| (name.clone(), plain(rows))).collect();
        if human.is_empty() || machines.is_empty() {
            continue;
        }
        let (mut single, mut multiple) = (Vec::new(), Vec::new());
        for (source, rows) in &machines {
            single.push((source.clone(), single_target(&human, rows, &table.protocol).map_err(|e| e.to_string())?));
        }
        if machines.len() > 1 {
            for &size in &table.protocol.sizes {
                let found = multiple_target(&human, &machines, size, &table.protocol).map_err(|e| e.to_string())?;
                multiple.extend(found);
            }
        }
        all.push(FewShotFigures { detector: name.to_owned(), domain: domain.domain, single, multiple });
    }
    Ok(all)
}
