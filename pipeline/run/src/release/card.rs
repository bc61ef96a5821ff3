//! The dataset card: Hugging Face front matter, then what this run knows of itself. Nothing is claimed that was not counted.

use std::collections::BTreeMap;
use std::fmt::Write;

use gristmill_core::stage::Stage;
use gristmill_stages::release::Layout;
use serde_json::Value;

use super::files::ReleasedFile;
use super::{Facts, ReleaseParams};
use crate::plan::{Node, Plan, StageCounts};

pub(super) fn render(
    plan: &Plan,
    node: &Node,
    params: &ReleaseParams,
    facts: &Facts,
    files: &[ReleasedFile],
    counts: &BTreeMap<String, StageCounts>,
) -> String {
    let mut card = front_matter(node, params, facts, files, &plan.config.run.name);
    let name = params.pretty_name.as_deref().unwrap_or(&plan.config.run.name);
    // Writing to a String cannot fail.
    let _ = writeln!(card, "\n# {name}\n");
    let unknown = facts.licenses.get("unknown").copied().unwrap_or(0);
    if unknown > 0 {
        let _ = writeln!(card, "> **Licences:** {unknown} of {} documents state no licence.\n", facts.rows);
    }
    if let Some(description) = &params.description {
        let _ = writeln!(card, "{description}\n");
    }
    let _ = writeln!(
        card,
        "{} documents, {} bytes of text, in {} files. Built by gristmill {} with seed {}; `MANIFEST.json` holds \
         the whole configuration, `SHA256SUMS` the checksums. The same inputs and configuration build the same bytes.\n",
        facts.rows,
        facts.text_bytes,
        files.len(),
        env!("CARGO_PKG_VERSION"),
        plan.config.run.seed
    );
    columns(&mut card, node);
    funnel(&mut card, plan, counts);
    rules(&mut card, plan, counts);
    composition(&mut card, facts);
    limitations(&mut card, plan);
    card
}

fn front_matter(node: &Node, params: &ReleaseParams, facts: &Facts, files: &[ReleasedFile], run: &str) -> String {
    let mut yaml = String::from("---\n");
    let languages: Vec<&String> = facts.languages.keys().filter(|code| *code != "unknown").collect();
    if !languages.is_empty() {
        let _ = writeln!(yaml, "language:");
        for code in languages {
            let _ = writeln!(yaml, "- {code}");
        }
    }
    let _ = writeln!(yaml, "license: {}", quoted(params.license.as_deref().unwrap_or("unknown")));
    let _ = writeln!(yaml, "pretty_name: {}", quoted(params.pretty_name.as_deref().unwrap_or(run)));
    let _ = writeln!(yaml, "size_categories:\n- {}", size_category(facts.rows));
    let _ = writeln!(yaml, "task_categories:");
    for task in &params.task_categories {
        let _ = writeln!(yaml, "- {}", quoted(task));
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

fn columns(card: &mut String, node: &Node) {
    let _ = writeln!(card, "## Columns\n\n| column | type |\n|---|---|");
    for field in node.schema.fields() {
        let _ = writeln!(card, "| `{}` | {} |", field.name(), dtype(field.data_type()).trim_matches('"'));
    }
}

fn funnel(card: &mut String, plan: &Plan, counts: &BTreeMap<String, StageCounts>) {
    let _ = writeln!(card, "\n## How it was made\n\n| stage | kind | in | kept | dropped |\n|---|---|---:|---:|---:|");
    for node in &plan.nodes {
        let Some(count) = counts.get(&node.decl.name) else { continue };
        let dropped: u64 = count.dropped.values().sum();
        let _ = writeln!(
            card,
            "| {} | {} | {} | {} | {dropped} |",
            node.decl.name, node.decl.kind, count.rows_in, count.kept
        );
    }
}

fn rules(card: &mut String, plan: &Plan, counts: &BTreeMap<String, StageCounts>) {
    let _ = writeln!(card, "\n## What was dropped, and by which rule\n\n| rule | limit | documents |\n|---|---|---:|");
    for node in &plan.nodes {
        let Some(count) = counts.get(&node.decl.name) else { continue };
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

fn composition(card: &mut String, facts: &Facts) {
    for (title, counts) in [("Languages", &facts.languages), ("Sources", &facts.sources), ("Licences", &facts.licenses)]
    {
        if counts.is_empty() {
            continue;
        }
        let _ = writeln!(card, "\n## {title}\n\n| value | documents |\n|---|---:|");
        for (value, n) in counts {
            let _ = writeln!(card, "| {} | {n} |", value.replace('|', "\\|"));
        }
    }
}

fn limitations(card: &mut String, plan: &Plan) {
    let has = |kind: &str| plan.nodes.iter().any(|node| node.decl.kind.starts_with(kind));
    let _ = writeln!(card, "\n## Known limitations\n");
    let _ = writeln!(card, "- No personal information was looked for or removed.");
    let _ = writeln!(card, "- No benchmark was decontaminated against.");
    if !has("dedup") {
        let _ = writeln!(card, "- Duplicates were not removed.");
    } else if !has("dedup.minhash") {
        let _ = writeln!(card, "- Only exact duplicates were removed.");
    }
    if has("filter") {
        let _ =
            writeln!(card, "- Filters are heuristics; what each dropped is in the run's ledger, not in this dataset.");
    }
    let makers: Vec<(&str, Vec<(String, String)>)> = plan
        .nodes
        .iter()
        .filter_map(|node| match &node.stage {
            Stage::Maker(maker) if !maker.workers().is_empty() => Some((node.decl.name.as_str(), maker.workers())),
            _ => None,
        })
        .collect();
    if makers.is_empty() {
        let _ = writeln!(card, "- No language model made or judged any document.");
        return;
    }
    let _ = writeln!(card, "- Language models made or judged documents; what they say may be wrong.");
    let _ = writeln!(card, "\n## Language models\n\n| stage | worker | model |\n|---|---|---|");
    for (stage, workers) in makers {
        for (_, worker) in workers {
            let model = plan.config.workers.get(&worker).map(|settings| settings.depends_on.to_string());
            let _ = writeln!(card, "| {stage} | {worker} | `{}` |", model.unwrap_or_default().replace('|', "\\|"));
        }
    }
    let _ = writeln!(card, "\nThe prompt of each row is named by its hash in the column `made_by`, where released.");
}
