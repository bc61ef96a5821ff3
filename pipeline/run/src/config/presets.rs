//! Rule presets: files of measures and rules that a filter stage names.
//!
//! The presets of `configs/rules/` are compiled in, so that the program runs from anywhere; a name that ends in `.toml`
//! is a file of the user's, relative to the config.

use std::path::Path;

use gristmill_core::params::ParamError;
use gristmill_core::registry::nearest;
use serde_json::{Map, Value, json};

use super::Document;

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../configs/rules/", $name, ".toml")))),*]
    };
}

/// Names and texts of the presets that come with the program.
pub(crate) const BUILTIN: &[(&str, &str)] =
    builtin!["gopher_quality", "gopher_repetition", "c4", "c4_fineweb", "fineweb"];

/// Replaces the names in `presets` by what the files say.
pub(super) fn resolve(table: &mut Map<String, Value>, config: &Path) -> Result<(), ParamError> {
    let Some(names) = table.get("presets") else { return Ok(()) };
    let names: Vec<String> = serde_json::from_value(names.clone())
        .map_err(|_| ParamError::at("presets", "expected a list of names, as in [\"gopher_quality\", \"c4\"]"))?;
    let resolved: Result<Vec<Value>, ParamError> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            load(name, config).map_err(|m| ParamError { path: vec!["presets".into(), i.to_string()], message: m })
        })
        .collect();
    table.insert("presets".into(), Value::Array(resolved?));
    Ok(())
}

fn load(name: &str, config: &Path) -> Result<Value, String> {
    let (path, text) = if Path::new(name).extension().is_some_and(|e| e == "toml") {
        let path = config.parent().unwrap_or(Path::new("")).join(name);
        let text =
            std::fs::read_to_string(&path).map_err(|e| format!("cannot read the preset {}: {e}", path.display()))?;
        (path, text)
    } else {
        let Some((_, text)) = BUILTIN.iter().find(|(builtin, _)| *builtin == name) else {
            let all: Vec<&str> = BUILTIN.iter().map(|(builtin, _)| *builtin).collect();
            let hint = nearest(name, all.iter().copied())
                .map_or_else(|| format!("there are {}", all.join(", ")), |near| format!("did you mean \"{near}\"?"));
            return Err(format!("unknown preset \"{name}\"; {hint}"));
        };
        (Path::new("configs/rules").join(format!("{name}.toml")), (*text).to_owned())
    };
    let document = Document::parse(&path, text).map_err(|e| format!("in the preset: {e}"))?;
    let table = |key: &str| document.value().get(key).cloned().unwrap_or_else(|| json!({}));
    for key in document.value().as_object().into_iter().flat_map(Map::keys) {
        if !["about", "source", "measure", "keep"].contains(&key.as_str()) {
            return Err(format!(
                "{}: unknown key `{key}`; a preset has about, source, [measure], [keep]",
                path.display()
            ));
        }
    }
    Ok(json!({ "name": name, "measure": table("measure"), "keep": table("keep") }))
}

/// The SQL of a built-in preset's rule.
pub(crate) fn rule(preset: &str, rule: &str) -> Option<String> {
    let (_, text) = BUILTIN.iter().find(|(name, _)| *name == preset)?;
    let document = Document::parse(Path::new(preset), (*text).to_owned()).ok()?;
    document.value().get("keep")?.get(rule)?.as_str().map(str::to_owned)
}

/// The `about` line of a preset's text.
pub(crate) fn about(text: &str) -> String {
    let document = Document::parse(Path::new("preset"), text.to_owned()).ok();
    let about = document.and_then(|d| d.value().get("about").and_then(Value::as_str).map(str::to_owned));
    about.unwrap_or_default()
}
