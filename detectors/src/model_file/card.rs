//! The model card: what a model file holds, as Markdown for people.
//!
//! Source: the headings follow Mitchell et al. 2019, "Model Cards for Model Reporting", as far as a detector fills them.
//! All text of the file is escaped: a card is shown on web pages.

use std::fmt::Write as _;

use super::model::Model;
use crate::calibrate::Calibration;
use crate::calibrate::table::{CalibrationTable, Entry};

/// Renders the card; the same model gives the same text.
pub fn card(model: &Model) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(out, "# {}\n", escaped(&model.name));
    table(&mut out, &["", ""], &facts(model));
    training(&mut out, model);
    figures(&mut out, model);
    out.push_str("\n## Calibration\n\n");
    match &model.calibration {
        Calibration::Uncalibrated => out
            .push_str("Uncalibrated: the model has seen no human text of yours, so it gives scores and no verdicts.\n"),
        Calibration::Calibrated(table) => calibration(&mut out, table),
    }
    out.push_str("\n## Limits\n\n");
    for limit in &model.limits {
        let _ = writeln!(out, "- {}", escaped(limit));
    }
    if model.limits.is_empty() {
        out.push_str("None were written down, which does not mean that there are none.\n");
    }
    weights(&mut out, model);
    out
}

fn facts(model: &Model) -> Vec<Vec<String>> {
    let fact = |name: &str, value: &str| vec![name.into(), escaped(value)];
    vec![
        fact("Kind", &model.kind),
        fact("Finds", &model.head),
        fact("Trained on", &model.date),
        fact("Features", &model.features.names().len().to_string()),
        fact("SHA-256 of the feature names", model.features.sha256()),
    ]
}

fn training(out: &mut String, model: &Model) {
    out.push_str("\n## Training data\n\n");
    if model.training.is_empty() {
        out.push_str("Not stated.\n");
        return;
    }
    let rows: Vec<Vec<String>> = model
        .training
        .iter()
        .map(|source| {
            let texts = [&source.name, &source.licence, &source.domains.join(", "), &source.source_models.join(", ")];
            let mut row: Vec<String> = texts.iter().map(|text| escaped(text)).collect();
            row.extend([source.n_human.to_string(), source.n_machine.to_string(), escaped(&source.sha256)]);
            row
        })
        .collect();
    let heads = ["Data", "Licence", "Domains", "Source models", "Human", "Machine", "SHA-256"];
    table(out, &heads, &rows);
}

fn figures(out: &mut String, model: &Model) {
    out.push_str("\n## Figures\n\n");
    if model.figures.is_empty() {
        out.push_str("None measured.\n");
        return;
    }
    let row = |figure: &super::Figure| {
        let interval = figure.interval.map(|i| format!("{:.3} to {:.3}", i.low, i.high)).unwrap_or_default();
        vec![
            escaped(&figure.measure),
            escaped(&figure.on),
            format!("{:.3}", figure.value),
            interval,
            figure.n_docs.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = model.figures.iter().map(row).collect();
    table(out, &["Measure", "On", "Value", "Interval", "Documents"], &rows);
}

fn calibration(out: &mut String, table_of: &CalibrationTable) {
    let params = &table_of.params;
    let percent = |rate: f64| format!("{:.3}", 100.0 * rate).trim_end_matches('0').trim_end_matches('.').to_string();
    let _ = writeln!(
        out,
        "Verdicts from {} words on. Target: at most {} % of human text called machine, asked for with {} % confidence; \
         at most {} % of machine text called human.\n",
        params.min_words,
        percent(params.false_machine.target_rate),
        percent(params.false_machine.confidence),
        percent(params.false_human.target_rate),
    );
    let row = |entry: &Entry| {
        let band = entry.band.map_or("all".into(), |band| params.bands.label(band));
        let (above, confidence) = entry.machine_above.map_or(("no verdict: too few".into(), String::new()), |bound| {
            (format!("{:.4}", bound.threshold), format!("{:.1} %", 100.0 * bound.confidence))
        });
        let below = entry.human_below.map(|bound| format!("{:.4}", -bound.threshold)).unwrap_or_default();
        vec![escaped(&entry.domain), escaped(&band), entry.n_human.to_string(), above, confidence, below]
    };
    let rows: Vec<Vec<String>> = table_of.entries.iter().map(row).collect();
    let heads = ["Domain", "Words", "Human documents", "Machine above", "Confidence reached", "Human below"];
    table(out, &heads, &rows);
}

fn weights(out: &mut String, model: &Model) {
    out.push_str("\n## Weights\n\n");
    let kept = |block: &super::Block| format!("{:?}", block.weights.precision()).to_lowercase();
    let row =
        |block: &super::Block| vec![escaped(&block.name), escaped(&kept(block)), block.weights.n_values().to_string()];
    let rows: Vec<Vec<String>> = model.blocks.iter().map(row).collect();
    table(out, &["Block", "Kept as", "Weights"], &rows);
}

fn table(out: &mut String, heads: &[&str], rows: &[Vec<String>]) {
    let _ = writeln!(out, "| {} |", heads.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(heads.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

/// Text on one line that Markdown shows as it is, without tags, links or table cells.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '|' | '!' | '~' => out.extend(['\\', c]),
            // A bare address would become a link.
            ':' => out.push_str("&#58;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
