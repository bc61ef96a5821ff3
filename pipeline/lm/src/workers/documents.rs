//! The documents an embedded model is fitted on: plain texts, or rows of JSON lines.

use std::path::PathBuf;

use serde_json::Value;

/// Fields of a row that are read, in this order.
const FIELDS: &[&str] = &["text", "instruction", "input", "output", "instances"];

/// Reads files: of `.jsonl` each row is a document, of others each paragraph.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut documents = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path).map_err(|e| format!("reading {}: {e}", path.display()))?;
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let row: Value = serde_json::from_str(line)
                    .map_err(|e| format!("{}:{}: not a row of JSON: {e}", path.display(), i + 1))?;
                let parts: Vec<String> = FIELDS.iter().filter_map(|field| row.get(*field)).flat_map(texts).collect();
                documents.push(parts.join("\n"));
            }
        } else {
            documents.extend(text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned));
        }
    }
    documents.retain(|document| !document.is_empty());
    match documents.is_empty() {
        true => Err("its files hold no text to fit a model on".into()),
        false => Ok(documents),
    }
}

/// All texts in a value, in order.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
