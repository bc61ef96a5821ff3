//! An audit as its page shows it.

use gristmill_detectors::artifact::{
    Audit, EffectKind, Finding as Found, Gate, GateReport, Level as FoundLevel, Unit as FoundUnit,
};

use crate::report::audit::{AuditPage, Effect, Finding, Gate as PageGate, LeakProbe, LeakScalar, Level, Plot, Side};
use crate::report::model::{Cell, Column, Example, FigureRow, FigureTable, Unit, Version};

/// Metrics of the strip at the top of the page, as far as an audit has them: each by its worst field.
const HEADLINES: [&str; 12] = [
    "c2st_auroc",
    "near_duplicates",
    "contamination",
    "label_coverage",
    "minority_recall",
    "position_bias",
    "length_bias",
    "role_flips",
    "refusals",
    "template_phrases",
    "pii",
    "machine_share",
];
/// Slices shown of a metric.
const SLICES: usize = 12;

/// The page of an audit, with the limits it was held against and the audit before it.
pub fn page(
    title: &str,
    origins: &[String; 2],
    audit: &Audit,
    gate: &Gate,
    report: &GateReport,
    older: Option<&Audit>,
) -> AuditPage {
    let side = |i: usize| {
        let side = &audit.sides[i];
        Side {
            name: side.name.clone(),
            origin: origins[i].clone(),
            rows: side.n_rows as u64,
            words: side.n_words as u64,
        }
    };
    let mut found: Vec<&Found> = audit.findings.iter().filter(|finding| finding.metric != "leak_probe").collect();
    // Each part once, whatever the order of the measures; within it the order stays.
    found.sort_by_key(|finding| finding.group);
    let mut findings: Vec<Finding> = found.iter().map(|found| finding(found)).collect();
    for metric in HEADLINES {
        let of_metric = |key: &str| key.split('.').next() == Some(metric);
        let shown = findings.iter_mut().filter(|finding| of_metric(&finding.key) && finding.not_computed.is_none());
        if let Some(worst) = shown.rev().max_by_key(|finding| finding.level) {
            worst.headline = true;
        }
    }
    for (finding, found) in findings.iter_mut().zip(found) {
        let is_same = |other: &&Found| other.metric == found.metric && other.field == found.field;
        let before = older.and_then(|older| older.findings.iter().find(is_same));
        finding.previous = before.and_then(|found| found.between.or(found.candidate)).map(|estimate| estimate.value);
    }
    let mut tables: Vec<FigureTable> = slices(audit).into_iter().collect();
    tables.extend(audit.findings.iter().filter(|finding| !finding.details.is_empty()).map(details));
    AuditPage {
        title: title.to_owned(),
        data_type: audit.data_type.name().to_owned(),
        sides: [side(0), side(1)],
        versions: vec![
            Version { name: "gristmill".into(), version: env!("CARGO_PKG_VERSION").into() },
            Version { name: "limits".into(), version: audit.bands.clone() },
        ],
        seed: audit.params.seed,
        fingerprint: Some(audit.sides.iter().map(|side| side.hash.as_str()).collect::<Vec<_>>().join("-")),
        leak: leak(audit),
        findings,
        gates: gates(gate, report),
        plots: audit.histograms.iter().filter_map(plot).collect(),
        tables,
    }
}

fn level(level: FoundLevel) -> Level {
    match level {
        FoundLevel::Unknown | FoundLevel::Info => Level::Unknown,
        FoundLevel::Ok => Level::Fine,
        FoundLevel::Watch => Level::Look,
        FoundLevel::Alarm => Level::Alarm,
    }
}

fn unit(unit: FoundUnit) -> Unit {
    match unit {
        FoundUnit::Share => Unit::Share,
        _ => Unit::Plain,
    }
}

fn leak(audit: &Audit) -> LeakProbe {
    let found = audit.finding("leak_probe");
    let Some(probe) = &audit.leak_probe else {
        let sentence = found.and_then(|found| found.cannot.clone()).unwrap_or_default();
        return LeakProbe { sentence, ..LeakProbe::default() };
    };
    let mut scalars: Vec<LeakScalar> = probe
        .scalars
        .iter()
        .map(|scalar| LeakScalar { name: scalar.name.clone(), auroc: scalar.auroc, means: scalar.means })
        .collect();
    scalars.sort_by(|a, b| (b.auroc - 0.5).abs().total_cmp(&(a.auroc - 0.5).abs()));
    LeakProbe {
        auroc: probe.worst().map(|(_, auroc)| auroc),
        limit: found.and_then(|found| found.alarm.above),
        sentence: found.map(|found| found.sentence.clone()).unwrap_or_default(),
        remedy: probe.remedy.clone(),
        level: found.map_or(Level::Unknown, |found| level(found.level)),
        scalars,
    }
}

fn finding(found: &Found) -> Finding {
    let value = |estimate: &Option<gristmill_detectors::artifact::Estimate>| estimate.map(|e| e.value);
    let interval = |e: &gristmill_detectors::artifact::Estimate| e.low.zip(e.high).map(|(low, high)| [low, high]);
    let effect = found.effect.map(|effect| Effect {
        name: match effect.kind {
            EffectKind::CohenD => "Cohen's d",
            EffectKind::CliffDelta => "Cliff's delta",
            EffectKind::Difference | EffectKind::None => "difference",
        }
        .to_owned(),
        value: effect.estimate.value,
        interval: interval(&effect.estimate),
    });
    let n = |estimate: &Option<gristmill_detectors::artifact::Estimate>| estimate.map_or(0, |e| e.n as u64);
    let of = if found.field.is_empty() { String::new() } else { format!(" ({})", found.field) };
    Finding {
        key: format!(
            "{}{}",
            found.metric,
            if found.field.is_empty() { String::new() } else { format!(".{}", found.field) }
        ),
        name: format!("{}{of}", found.title),
        part: found.group.heading().to_owned(),
        definition: found.definition.clone(),
        source: found.source.clone(),
        values: [value(&found.reference), value(&found.candidate).or(value(&found.between))],
        previous: None,
        unit: unit(found.unit),
        band: None,
        limits: found.band.clone(),
        intervals: [&found.reference, if found.between.is_some() { &found.between } else { &found.candidate }]
            .map(|estimate| estimate.as_ref().and_then(interval)),
        effect,
        n: [&found.reference, &found.candidate].map(|side| n(side).max(n(&found.between))),
        sentence: found.sentence.clone(),
        level: level(found.level),
        headline: false,
        not_computed: found.cannot.clone(),
        remedy: (!found.remedy.is_empty()).then(|| found.remedy.clone()),
        examples: found
            .examples
            .iter()
            .map(|example| Example {
                id: format!("row {}", example.row + 1),
                excerpt: example.text.clone(),
                ..Example::default()
            })
            .collect(),
    }
}

fn gates(gate: &Gate, report: &GateReport) -> Vec<PageGate> {
    gate.limits
        .iter()
        .map(|limit| {
            let crossed = report.crossed.iter().find(|(crossed, _, _)| crossed == limit);
            let missing = report.not_measured.iter().any(|(missing, _)| missing == limit);
            let value = crossed.map(|(_, _, value)| *value);
            PageGate { expression: limit.to_string(), value, crossed: crossed.is_some() || missing }
        })
        .collect()
}

/// Bars where bins are named; spreads are shown as pairs of bars too, since the audit holds shares, not counts.
fn plot(histogram: &gristmill_detectors::artifact::Histogram) -> Option<Plot> {
    let label = |i: usize| match histogram.names.get(i) {
        Some(name) => name.clone(),
        None => format!("{:.4} to {:.4}", histogram.edges[i], histogram.edges[i + 1]),
    };
    let bins = histogram.reference.len().min(histogram.candidate.len());
    let bins = if histogram.names.is_empty() { bins.min(histogram.edges.len().checked_sub(1)?) } else { bins };
    let pairs = (0..bins)
        .map(|i| crate::report::audit::BarPair {
            label: label(i),
            values: [histogram.reference[i], histogram.candidate[i]],
        })
        .collect();
    Some(Plot::BarPairs { title: histogram.title.clone(), unit: Unit::Share, pairs })
}

/// Every judged metric by slice of the candidate, the slices with most rows; none without slices.
fn slices(audit: &Audit) -> Option<FigureTable> {
    let sliced: Vec<&Found> =
        audit.findings.iter().filter(|found| found.slices.len() > 1 && found.band.is_some()).collect();
    let mut rows: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for slice in sliced.iter().flat_map(|found| &found.slices) {
        let most = rows.entry(&slice.slice).or_insert(0);
        *most = slice.n.max(*most);
    }
    let mut names: Vec<(&str, usize)> = rows.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    names.truncate(SLICES);
    let row = |found: &&Found| {
        let of = |name: &str| found.slices.iter().find(|slice| slice.slice == name).map(|slice| slice.value);
        let field = if found.field.is_empty() { String::new() } else { format!(" ({})", found.field) };
        FigureRow {
            label: format!("{}{field}", found.title),
            unit: Some(unit(found.unit)),
            cells: names.iter().map(|(name, _)| of(name).map_or(Cell::Missing, Cell::Number)).collect(),
        }
    };
    (!names.is_empty()).then(|| FigureTable {
        title: "By slice".into(),
        subject: "metric".into(),
        columns: names.iter().map(|(name, _)| Column { name: (*name).to_owned(), unit: Unit::Plain }).collect(),
        rows: sliced.iter().map(row).collect(),
        note: Some("Values of the second side, the slices with most rows first; metrics that have limits.".into()),
    })
}

fn details(found: &Found) -> FigureTable {
    let column = |name: &str| Column { name: name.to_owned(), unit: unit(found.unit) };
    let cell = |value: Option<f64>| value.map_or(Cell::Missing, Cell::Number);
    let row = |detail: &gristmill_detectors::artifact::Detail| FigureRow {
        label: detail.label.clone(),
        unit: None,
        cells: vec![cell(detail.reference), cell(detail.candidate)],
    };
    FigureTable {
        title: found.title.clone(),
        subject: "of".into(),
        columns: vec![column("reference"), column("candidate")],
        rows: found.details.iter().map(row).collect(),
        note: None,
    }
}
