//! The audit as a page of Markdown: findings first, methods last.
//!
//! Order: header, verdict strip (leak probe first), the worst five with examples, the table of both sides, histograms, slices,
//! machine share, methods. All text from data is escaped; nothing of it can become markup.

use super::compare::Comparison;
use super::finding::{Audit, Finding, Histogram, Level};
use super::metric::{Judged, Unit};
use super::sentence::{estimate, number, with_unit};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Metrics of the verdict strip, in this order; those that do not apply to the data type are left out.
const STRIP: &[&str] = &[
    "leak_probe",
    "c2st_auroc",
    "near_duplicates",
    "contamination",
    "label_jsd",
    "minority_recall",
    "unanimity",
    "position_bias",
    "length_bias",
    "wrong_by_rule",
    "role_flips",
    "refusals",
    "template_phrases",
    "pii",
];

/// Writes the page. With a comparison, what changed since the older audit follows the worst findings.
pub fn markdown(audit: &Audit, comparison: Option<&Comparison>) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail, so the results of the writers are dropped here once.
    let _ = write_page(&mut page, audit, comparison);
    page
}

fn write_page(page: &mut String, audit: &Audit, comparison: Option<&Comparison>) -> std::fmt::Result {
    header(page, audit)?;
    strip(page, audit)?;
    worst(page, audit)?;
    if let Some(comparison) = comparison {
        changes(page, comparison)?;
    }
    sides(page, audit)?;
    histograms(page, &audit.histograms)?;
    slices(page, audit)?;
    machine_share(page, audit)?;
    methods(page, audit)
}

/// Data as text: control characters and line ends become spaces, signs of markup are escaped.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                safe.push(' ');
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

fn header(page: &mut String, audit: &Audit) -> std::fmt::Result {
    let name = |at: usize| audit.sides.get(at).map_or(String::new(), |side| escaped(&side.name));
    writeln!(page, "# Artifact audit: {} against {}\n", name(1), name(0))?;
    writeln!(page, "| side | name | rows read | rows given | words | hash |\n|---|---|--:|--:|--:|---|")?;
    for (role, side) in ["reference", "candidate"].iter().zip(&audit.sides) {
        let name = escaped(&side.name);
        writeln!(
            page,
            "| {role} | {name} | {} | {} | {} | {} |",
            side.n_rows, side.n_rows_given, side.n_words, side.hash
        )?;
    }
    writeln!(
        page,
        "\nData type {}; audit format {}; seed {}; limits: {}; intervals cover {} %.\n",
        audit.data_type.name(),
        audit.version,
        audit.params.seed,
        escaped(&audit.bands),
        number(audit.params.confidence, Unit::Share)
    )
}

fn title(finding: &Finding) -> String {
    match finding.field.as_str() {
        "" => finding.title.clone(),
        field => format!("{} ({field})", finding.title),
    }
}

/// The judged number with its unit; a relative difference is a share.
fn judged(finding: &Finding) -> String {
    let unit = if finding.judged_as == Judged::RelativeDifference { Unit::Share } else { finding.unit };
    let signed = matches!(finding.judged_as, Judged::Difference | Judged::RelativeDifference);
    match finding.judged {
        Some(value) if signed && value > 0.0 => format!("+{}", with_unit(value, unit)),
        Some(value) => with_unit(value, unit),
        None => "-".to_owned(),
    }
}

fn strip(page: &mut String, audit: &Audit) -> std::fmt::Result {
    let count = |level: Level| audit.findings.iter().filter(|finding| finding.level == level).count();
    let (alarms, watched, ok, unknown) =
        (count(Level::Alarm), count(Level::Watch), count(Level::Ok), count(Level::Unknown));
    writeln!(
        page,
        "## Verdict\n\n{alarms} alarms, {watched} to be watched, {ok} within the limits, {unknown} without a verdict.\n"
    )?;
    if let Some(leak) = audit.finding("leak_probe").filter(|leak| leak.level == Level::Alarm) {
        writeln!(
            page,
            "**{} Remedy: {}. Until then no number below can be trusted.**\n",
            escaped(&leak.sentence),
            escaped(&leak.remedy)
        )?;
    }
    writeln!(page, "| level | metric | judged | limits |\n|---|---|--:|---|")?;
    for metric in STRIP {
        for finding in audit.findings.iter().filter(|finding| finding.metric == *metric) {
            let band = finding.cannot.as_ref().or(finding.band.as_ref()).map_or("none", String::as_str);
            writeln!(
                page,
                "| {} | {} | {} | {} |",
                finding.level.name(),
                title(finding),
                judged(finding),
                escaped(band)
            )?;
        }
    }
    writeln!(page)
}

/// The worst findings: alarms before watches, the leak probe before all, then in the order of the page.
fn worst(page: &mut String, audit: &Audit) -> std::fmt::Result {
    const N_WORST: usize = 5;
    let mut worst: Vec<&Finding> = audit.findings.iter().filter(|finding| finding.level >= Level::Watch).collect();
    worst.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    writeln!(page, "## Worst first\n")?;
    if worst.is_empty() {
        return writeln!(page, "Nothing is beyond a limit.\n");
    }
    for (at, finding) in worst.iter().enumerate() {
        if at == N_WORST {
            writeln!(page, "Others beyond a limit:\n")?;
        }
        if at >= N_WORST {
            writeln!(page, "- {}: {}", finding.level.name(), escaped(&finding.sentence))?;
            continue;
        }
        writeln!(
            page,
            "### {}. {} ({})\n\n{}\n",
            at + 1,
            title(finding),
            finding.level.name(),
            escaped(&finding.sentence)
        )?;
        for example in &finding.examples {
            writeln!(page, "- row {}: {}", example.row, escaped(&example.text))?;
        }
        for detail in finding.details.iter().take(5) {
            let value = |value: Option<f64>| value.map_or("-".to_owned(), |value| number(value, Unit::Number));
            writeln!(
                page,
                "- {}: reference {}, candidate {}",
                escaped(&detail.label),
                value(detail.reference),
                value(detail.candidate)
            )?;
        }
        writeln!(page, "\nWhat helps: {}.\n", escaped(&finding.remedy))?;
    }
    writeln!(page)
}

fn changes(page: &mut String, comparison: &Comparison) -> std::fmt::Result {
    writeln!(page, "## Since the older audit\n")?;
    for caution in &comparison.cautions {
        writeln!(page, "- Caution: {}.", escaped(caution))?;
    }
    let moved: Vec<_> = comparison
        .changes
        .iter()
        .filter(|change| change.old_level != change.new_level || change.is_beyond_chance == Some(true))
        .collect();
    if moved.is_empty() {
        writeln!(page, "No level changed, and no value beyond its interval.")?;
    } else {
        writeln!(page, "\n| metric | older | newer | change | level | beyond chance |\n|---|--:|--:|--:|---|---|")?;
    }
    for change in moved {
        let value = |value: Option<f64>| value.map_or("-".to_owned(), |value| number(value, Unit::Number));
        let field = if change.field.is_empty() { String::new() } else { format!(" ({})", change.field) };
        let beyond = change.is_beyond_chance.map_or("-", |is_beyond| if is_beyond { "yes" } else { "no" });
        let (old, new, gap) = (value(change.old), value(change.new), value(change.difference));
        let levels = format!("{} to {}", change.old_level.name(), change.new_level.name());
        writeln!(page, "| {}{field} | {old} | {new} | {gap} | {levels} | {beyond} |", change.title)?;
    }
    for (label, names) in [("Only in the newer", &comparison.appeared), ("Only in the older", &comparison.vanished)] {
        if !names.is_empty() {
            writeln!(page, "\n{label}: {}.", escaped(&names.join(", ")))?;
        }
    }
    writeln!(page)
}

fn sides(page: &mut String, audit: &Audit) -> std::fmt::Result {
    writeln!(page, "## Side by side\n")?;
    let mut groups: Vec<(super::metric::Group, &str)> = Vec::new();
    for finding in &audit.findings {
        if !groups.contains(&(finding.group, finding.field.as_str())) {
            groups.push((finding.group, &finding.field));
        }
    }
    for (group, field) in groups {
        let of_field = if field.is_empty() { String::new() } else { format!(" ({field})") };
        writeln!(
            page,
            "### {}{of_field}\n\n| metric | reference | candidate | difference | effect | n | level |\n|---|--:|--:|--:|--:|--:|---|",
            group.heading()
        )?;
        for finding in audit.findings.iter().filter(|finding| finding.group == group && finding.field == field) {
            row(page, finding)?;
        }
        writeln!(page)?;
    }
    Ok(())
}

fn row(page: &mut String, finding: &Finding) -> std::fmt::Result {
    let of = |side: &Option<super::finding::Estimate>| {
        side.as_ref().map_or("-".to_owned(), |value| estimate(value, finding.unit))
    };
    let effect = match finding.effect {
        Some(effect) if effect.kind != super::metric::EffectKind::Difference => {
            estimate(&effect.estimate, Unit::Number)
        }
        _ => "-".to_owned(),
    };
    if let Some(reason) = finding.cannot.as_ref().filter(|_| finding.candidate.is_none() && finding.between.is_none()) {
        return writeln!(
            page,
            "| {} | cannot compute because {} ||||| {} |",
            finding.title,
            escaped(reason),
            finding.level.name()
        );
    }
    let n = finding.between.or(finding.candidate).map_or(0, |value| value.n);
    if let Some(between) = &finding.between {
        let value = estimate(between, finding.unit);
        return writeln!(page, "| {} | | | {value} | | {n} | {} |", finding.title, finding.level.name());
    }
    let matched = if finding.is_size_matched { " =" } else { "" };
    let (reference, candidate, gap) = (of(&finding.reference), of(&finding.candidate), of(&finding.difference));
    writeln!(
        page,
        "| {}{matched} | {reference} | {candidate} | {gap} | {effect} | {n} | {} |",
        finding.title,
        finding.level.name()
    )
}

fn histograms(page: &mut String, histograms: &[Histogram]) -> std::fmt::Result {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    writeln!(page, "## Distributions\n")?;
    for histogram in histograms {
        let most = histogram.reference.iter().chain(&histogram.candidate).copied().fold(0.0, f64::max);
        let bars = |shares: &[f64]| -> String {
            shares
                .iter()
                .map(|share| BARS[if most > 0.0 { (share / most * 8.0).ceil().clamp(0.0, 8.0) as usize } else { 0 }])
                .collect()
        };
        let range = match (histogram.edges.first(), histogram.edges.last()) {
            (Some(low), Some(high)) => {
                format!("from {} to {}", number(*low, Unit::Number), number(*high, Unit::Number))
            }
            _ => escaped(&histogram.names.join(", ")),
        };
        let (reference, candidate) = (bars(&histogram.reference), bars(&histogram.candidate));
        writeln!(
            page,
            "{}, {range}:\n\n```\nreference |{reference}|\ncandidate |{candidate}|\n```\n",
            escaped(&histogram.title)
        )?;
    }
    Ok(())
}

fn slices(page: &mut String, audit: &Audit) -> std::fmt::Result {
    let sliced: Vec<&Finding> = audit.findings.iter().filter(|finding| finding.slices.len() > 1).collect();
    if sliced.is_empty() {
        return Ok(());
    }
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for slice in sliced.iter().flat_map(|finding| &finding.slices) {
        let n = rows.entry(&slice.slice).or_insert(0);
        *n = (*n).max(slice.n);
    }
    writeln!(page, "## By slice of the candidate\n")?;
    let names: Vec<String> = rows.iter().map(|(slice, n)| format!("{} ({n})", escaped(slice))).collect();
    writeln!(page, "| metric | {} |\n|---|{}", names.join(" | "), "--:|".repeat(names.len()))?;
    for finding in sliced {
        let value = |slice: &str| {
            let found = finding.slices.iter().find(|value| value.slice == slice);
            found.map_or("-".to_owned(), |value| number(value.value, finding.unit))
        };
        let values: Vec<String> = rows.keys().map(|slice| value(slice)).collect();
        writeln!(page, "| {}{} | {} |", title(finding), finding.unit.suffix(), values.join(" | "))?;
    }
    writeln!(page)
}

fn machine_share(page: &mut String, audit: &Audit) -> std::fmt::Result {
    writeln!(page, "## Machine share\n")?;
    match &audit.machine_share {
        None => writeln!(page, "No detector was run.\n"),
        Some(share) => {
            let note =
                if share.is_calibrated { "calibrated on local human text" } else { "uncalibrated, so no verdict" };
            let of = |value: f64| number(value, Unit::Share);
            let (value, low, high) = (of(share.share), of(share.low), of(share.high));
            writeln!(
                page,
                "{value} % ({low} to {high}) of {} documents, by {}, {note}.\n",
                share.n_docs,
                escaped(&share.detector)
            )
        }
    }
}

fn methods(page: &mut String, audit: &Audit) -> std::fmt::Result {
    writeln!(
        page,
        "## Methods\n\nIntervals: {} bootstrap resamples of documents; for metrics marked = {} half-samples of as many documents \
         on both sides. The judged number of a limit is the candidate's value, its difference to the reference, that difference \
         over the reference, or the number that compares the two.\n",
        audit.params.n_bootstrap, audit.params.n_subsamples
    )?;
    let mut seen: Vec<&str> = Vec::new();
    for finding in &audit.findings {
        if seen.contains(&finding.metric.as_str()) {
            continue;
        }
        seen.push(&finding.metric);
        let band = finding.band.as_ref().map_or(String::new(), |band| format!(" Limits: {}.", escaped(band)));
        writeln!(
            page,
            "- **{}** (`{}`): {} Source: {}.{band}",
            finding.title,
            finding.metric,
            escaped(&finding.definition),
            escaped(finding.source.trim_end_matches('.'))
        )?;
    }
    writeln!(page, "\nAll figures of this page are in `audit.json`.")
}
