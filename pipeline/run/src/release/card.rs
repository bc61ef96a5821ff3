//! The dataset card: Hugging Face front matter, then what this run knows of itself. Nothing is claimed that was not counted.

use std::fmt::Write;

use gristmill_core::stage::Stage;
use gristmill_detectors::artifact::{Audit, Level};
use gristmill_stages::release::Layout;
use serde_json::Value;

use super::Told;

/// Findings of an audit that the card repeats.
const FINDINGS: usize = 5;

/// The card. Writing to a String cannot fail.
pub(super) fn render(told: &Told<'_>) -> String {
    let mut card = front_matter(told);
    let (params, facts) = (told.params, told.facts);
    let _ = writeln!(card, "\n# {}\n", told.title());
    if facts.unlicensed() > 0 {
        let _ =
            writeln!(card, "> **Licences:** {} of {} documents state no licence.\n", facts.unlicensed(), facts.rows);
    } else if facts.licenses.is_empty() && params.license.is_none() {
        let _ = writeln!(card, "> **Licences:** the rows carry no licence, and none is declared for the whole.\n");
    }
    if let Some(description) = &params.description {
        let _ = writeln!(card, "{description}\n");
    }
    let words = facts.words.map_or_else(String::new, |words| format!("{words} words, "));
    let _ = writeln!(
        card,
        "{} documents, {words}{} bytes of text, in {} files. Built by gristmill {} with seed {}; `MANIFEST.json` holds \
         the whole configuration, `SHA256SUMS` the checksums. The same inputs and configuration build the same bytes.\n",
        facts.rows,
        facts.text_bytes,
        told.files.len(),
        env!("CARGO_PKG_VERSION"),
        told.plan.config.run.seed
    );
    let _ = writeln!(card, "## Supported tasks\n");
    params.task_categories.iter().for_each(|task| {
        let _ = writeln!(card, "- {task}");
    });
    structure(&mut card, told);
    if let Some(rationale) = &params.rationale {
        let _ = writeln!(card, "\n## Why it was made\n\n{rationale}");
    }
    sources(&mut card, told);
    funnel(&mut card, told);
    rules(&mut card, told);
    duplicates(&mut card, told);
    composition(&mut card, told);
    models(&mut card, told);
    audits(&mut card, told.audits);
    limitations(&mut card, told);
    if let Some(citation) = &params.citation {
        let _ = writeln!(card, "\n## Citation\n\n```\n{citation}\n```");
    }
    card
}

/// What an audit found beyond its limits, the worst first.
pub(super) fn findings(audit: &Audit) -> impl Iterator<Item = &str> {
    let of = |level: Level| audit.findings.iter().filter(move |finding| finding.level == level);
    of(Level::Alarm).chain(of(Level::Watch)).take(FINDINGS).map(|finding| finding.sentence.as_str())
}

fn audits(card: &mut String, audits: &[(String, Audit)]) {
    for (stage, audit) in audits {
        let [human, made] = [&audit.sides[0], &audit.sides[1]];
        let _ = writeln!(
            card,
            "\n## Audit `{stage}`\n\nLevel: {}. {} rows were held against {} human ones ({}).\n",
            audit.level().name(),
            made.n_rows,
            human.n_rows,
            audit.data_type.name()
        );
        findings(audit).for_each(|sentence| {
            let _ = writeln!(card, "- {sentence}");
        });
    }
}

fn front_matter(told: &Told<'_>) -> String {
    let (node, params, facts, files) = (told.node, told.params, told.facts, told.files);
    let mut yaml = String::from("---\n");
    let languages = facts.known_languages();
    if !languages.is_empty() {
        let _ = writeln!(yaml, "language:");
        for code in languages {
            let _ = writeln!(yaml, "- {code}");
        }
    }
    let _ = writeln!(yaml, "license: {}", quoted(params.license.as_deref().unwrap_or("unknown")));
    let _ = writeln!(yaml, "pretty_name: {}", quoted(told.title()));
    let _ = writeln!(yaml, "size_categories:\n- {}", size_category(facts.rows));
    let _ = writeln!(yaml, "task_categories:");
    for task in &params.task_categories {
        let _ = writeln!(yaml, "- {}", quoted(task));
    }
    let made = told.makers().iter().any(|(_, workers)| !workers.is_empty());
    let _ = writeln!(yaml, "annotations_creators:\n- {}", if made { "machine-generated" } else { "no-annotation" });
    let _ = writeln!(yaml, "source_datasets:\n- original");
    if made {
        let _ = writeln!(yaml, "tags:\n- synthetic");
    }
    let folder = if params.layout == Layout::Dolma { "documents" } else { "data" };
    let _ = writeln!(yaml, "configs:\n- config_name: default\n  data_files:");
    for (split, _) in params.shares() {
        let _ = writeln!(yaml, "  - split: {split}\n    path: {folder}/{split}-*");
    }
    let _ = writeln!(yaml, "dataset_info:\n  features:");
    for field in node.schema.fields() {
        let _ = writeln!(yaml, "  - name: {}\n    dtype: {}", quoted(field.name()), dtype(field.data_type()));
    }
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let _ = writeln!(yaml, "  splits:");
    for (split, _) in params.shares() {
        let mine = || files.iter().filter(|file| file.split == split && file.path.starts_with(folder));
        let (bytes, rows): (u64, u64) = (mine().map(|file| file.bytes).sum(), mine().map(|file| file.rows).sum());
        let _ = writeln!(yaml, "  - name: {split}\n    num_bytes: {bytes}\n    num_examples: {rows}");
    }
    let _ = writeln!(yaml, "  download_size: {bytes}\n  dataset_size: {}\n---", facts.text_bytes);
    yaml
}

/// A YAML scalar that means the text and nothing else.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn dtype(data_type: &arrow::datatypes::DataType) -> String {
    use arrow::datatypes::DataType;
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "string".into(),
        DataType::Int64 => "int64".into(),
        DataType::Int32 => "int32".into(),
        DataType::Float64 => "float64".into(),
        DataType::Boolean => "bool".into(),
        DataType::Timestamp(..) => "timestamp[ms, tz=UTC]".into(),
        other => quoted(&other.to_string()),
    }
}

fn size_category(rows: u64) -> &'static str {
    match rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        1_000_000..10_000_000 => "1M<n<10M",
        10_000_000..100_000_000 => "10M<n<100M",
        100_000_000..1_000_000_000 => "100M<n<1B",
        _ => "n>1B",
    }
}

fn structure(card: &mut String, told: &Told<'_>) {
    let _ = writeln!(card, "\n## Structure\n\n| column | type |\n|---|---|");
    for field in told.node.schema.fields() {
        let _ = writeln!(card, "| `{}` | {} |", field.name(), dtype(field.data_type()).trim_matches('"'));
    }
    let folder = if told.params.layout == Layout::Dolma { "documents" } else { "data" };
    let _ = writeln!(card, "\n| split | files | documents |\n|---|---:|---:|");
    for (split, _) in told.params.shares() {
        let mine = || told.files.iter().filter(|file| file.split == split && file.path.starts_with(folder));
        let rows: u64 = mine().map(|file| file.rows).sum();
        let _ = writeln!(card, "| {split} | {} | {rows} |", mine().count());
    }
    if told.params.tokens.is_some() {
        let _ = writeln!(
            card,
            "\n`tokens/` holds the texts as NumPy arrays of UTF-8 bytes (`<u2`): the token of a byte is the byte, 256 ends a \
             text; `*.ends.npy` says where each text ends."
        );
    }
}

fn sources(card: &mut String, told: &Told<'_>) {
    let _ = writeln!(card, "\n## Source data\n\n| source | kind | records |\n|---|---|---:|");
    for node in told.plan.nodes.iter().filter(|node| matches!(node.stage, Stage::Source(_))) {
        let records = told.counts.get(&node.decl.name).map_or(0, |count| count.rows_in);
        let _ = writeln!(card, "| {} | {} | {records} |", node.decl.name, node.decl.kind);
    }
}

fn funnel(card: &mut String, told: &Told<'_>) {
    let head = "| stage | kind | in | kept | dropped | words kept |\n|---|---|---:|---:|---:|---:|";
    let _ = writeln!(card, "\n## How it was made\n\n{head}");
    for node in &told.plan.nodes {
        let Some(count) = told.counts.get(&node.decl.name) else { continue };
        let dropped: u64 = count.dropped.values().sum();
        let words = count.text_kept.map_or_else(|| "–".to_owned(), |text| text.words.to_string());
        let _ = writeln!(
            card,
            "| {} | {} | {} | {} | {dropped} | {words} |",
            node.decl.name, node.decl.kind, count.rows_in, count.kept
        );
    }
}

fn rules(card: &mut String, told: &Told<'_>) {
    let _ = writeln!(card, "\n## What was dropped, and by which rule\n\n| rule | limit | documents |\n|---|---|---:|");
    for node in &told.plan.nodes {
        let Some(count) = told.counts.get(&node.decl.name) else { continue };
        for (rule, n) in &count.dropped {
            let limit = limit_of(&node.decl.params, rule)
                .map_or_else(String::new, |sql| format!("`{}`", sql.replace('|', "\\|")));
            let _ = writeln!(card, "| {}.{rule} | {limit} | {n} |", node.decl.name);
        }
    }
}

/// The SQL of a rule, from the stage's own table or its presets.
fn limit_of<'a>(params: &'a Value, rule: &str) -> Option<&'a str> {
    let own = params.get("keep").and_then(|keep| keep.get(rule));
    let presets = params.get("presets").and_then(Value::as_array).into_iter().flatten();
    own.or_else(|| presets.filter_map(|preset| preset.get("keep")?.get(rule)).next())?.as_str()
}

fn duplicates(card: &mut String, told: &Told<'_>) {
    let is_dedup = |kind: &str| kind.starts_with("dedup.");
    let stages: Vec<_> = told.plan.nodes.iter().filter(|node| is_dedup(&node.decl.kind)).collect();
    let _ = writeln!(card, "\n## Duplicates\n");
    if stages.is_empty() {
        let _ = writeln!(card, "Duplicates were not removed.");
    }
    for node in &stages {
        let dropped = told.counts.get(&node.decl.name).map_or(0, |count| count.dropped.values().sum::<u64>());
        let name = &node.decl.name;
        let _ = writeln!(card, "- {name} ({}, `{}`): {dropped} documents dropped", node.decl.kind, node.decl.params);
    }
}

fn composition(card: &mut String, told: &Told<'_>) {
    let facts = told.facts;
    let all = [("Languages", &facts.languages), ("Sources", &facts.sources), ("Licences", &facts.licenses)];
    for (title, counts) in all.into_iter().filter(|(_, counts)| !counts.is_empty()) {
        let _ = writeln!(card, "\n## {title}\n\n| value | documents |\n|---|---:|");
        for (value, n) in counts {
            let _ = writeln!(card, "| {} | {n} |", value.replace('|', "\\|"));
        }
    }
    if let Some(n) = facts.opted_out {
        let _ = writeln!(card, "\n{n} documents withheld themselves from use for models and were dropped or marked.");
    }
}

fn models(card: &mut String, told: &Told<'_>) {
    let _ = writeln!(card, "\n## Language models and annotations\n");
    let makers = told.makers();
    if makers.iter().all(|(_, workers)| workers.is_empty()) {
        let _ = writeln!(card, "No language model made or judged any document; there are no annotations.");
        return;
    }
    let _ = writeln!(card, "| stage | recipe | worker | model |\n|---|---|---|---|");
    for (node, workers) in makers {
        for worker in workers {
            let model = told.plan.config.workers.get(&worker).map(|settings| settings.depends_on.to_string());
            let (stage, kind) = (&node.decl.name, &node.decl.kind);
            let _ =
                writeln!(card, "| {stage} | {kind} | {worker} | `{}` |", model.unwrap_or_default().replace('|', "\\|"));
        }
    }
    let _ = writeln!(
        card,
        "\nThe prompts are the recipes' templates, or those that the configuration names; the prompt of each row is told \
         by its hash in the column `made_by`, where released. What models say may be wrong."
    );
}

fn limitations(card: &mut String, told: &Told<'_>) {
    let has = |kind: &str| told.plan.nodes.iter().any(|node| node.decl.kind.starts_with(kind));
    let _ = writeln!(card, "\n## Personal and sensitive information\n");
    let _ = match told.uses("pii") {
        true => writeln!(card, "Personal information was looked for; the stages above say what became of it."),
        false => writeln!(card, "No personal information was looked for or removed."),
    };
    let _ = writeln!(card, "\n## Known limitations\n");
    if !told.uses("contamina") {
        let _ = writeln!(card, "- No benchmark was decontaminated against.");
    }
    if has("dedup") && !has("dedup.minhash") {
        let _ = writeln!(card, "- Only exact duplicates were removed.");
    }
    if has("filter") {
        let _ =
            writeln!(card, "- Filters are heuristics; what each dropped is in the run's ledger, not in this dataset.");
    }
}
