//! How each server is told the form of a reply.
//!
//! Sources: the servers' own documentation of `structured_outputs` and `guided_*` (vLLM), `regex` and `ebnf` (SGLang),
//! `grammar` and `json_schema` (llama.cpp), `response_format` (OpenAI, Ollama). A form that a server has no word for is
//! refused here, before it is asked: a server that ignores an unknown field would answer without it.

use serde_json::{Map, Value, json};

use super::settings::Guided;
use crate::request::Shape;

/// Name of the schema in `response_format`, which wants one.
const SCHEMA_NAME: &str = "reply";

/// Levels of a schema looked at to tell whether it is strict.
const MAX_LEVELS: usize = 64;

/// The fields that ask for a form; the error says why there are none.
pub(crate) fn fields(shape: &Shape, dialect: Guided, is_chat: bool) -> Result<Map<String, Value>, String> {
    let found = match (dialect, shape) {
        (Guided::None, _) => None,
        (Guided::Vllm, Shape::JsonSchema(schema)) if is_chat => Some(response_format(schema)),
        (Guided::Vllm, shape) => Some(vllm(shape)),
        (Guided::Sglang, shape) => Some(sglang(shape, is_chat)),
        (Guided::LlamaCpp, shape) => llama_cpp(shape, is_chat),
        (Guided::Ollama, Shape::JsonSchema(schema)) if is_chat => Some(response_format(schema)),
        (Guided::Auto | Guided::Openai, Shape::JsonSchema(schema)) => Some(response_format(schema)),
        (Guided::Auto | Guided::Openai | Guided::Ollama, _) => None,
    };
    let Some(Value::Object(fields)) = found else {
        let endpoint = if is_chat { "a conversation" } else { "a bare text" };
        return Err(format!("a server of dialect {dialect:?} cannot be held to {} in {endpoint}", name(shape)));
    };
    Ok(fields)
}

/// What a form is called in messages.
pub(crate) fn name(shape: &Shape) -> &'static str {
    match shape {
        Shape::JsonSchema(_) => "a JSON Schema",
        Shape::Regex(_) => "a regular expression",
        Shape::Choice(_) => "a choice",
        Shape::Grammar(_) => "a grammar",
    }
}

fn response_format(schema: &Value) -> Value {
    let json_schema = json!({"name": SCHEMA_NAME, "schema": schema, "strict": is_strict(schema, 0)});
    json!({"response_format": {"type": "json_schema", "json_schema": json_schema}})
}

/// Both spellings: each version knows one and passes over the other.
fn vllm(shape: &Shape) -> Value {
    match shape {
        Shape::JsonSchema(schema) => json!({"structured_outputs": {"json": schema}, "guided_json": schema}),
        Shape::Regex(regex) => json!({"structured_outputs": {"regex": regex}, "guided_regex": regex}),
        Shape::Choice(texts) => json!({"structured_outputs": {"choice": texts}, "guided_choice": texts}),
        Shape::Grammar(grammar) => json!({"structured_outputs": {"grammar": grammar}, "guided_grammar": grammar}),
    }
}

fn sglang(shape: &Shape, is_chat: bool) -> Value {
    match shape {
        Shape::JsonSchema(schema) if is_chat => response_format(schema),
        Shape::JsonSchema(schema) => json!({"json_schema": schema.to_string()}),
        Shape::Regex(regex) => json!({"regex": regex}),
        Shape::Choice(texts) => {
            let escaped: Vec<String> = texts.iter().map(|text| escape_regex(text)).collect();
            json!({"regex": format!("({})", escaped.join("|"))})
        }
        Shape::Grammar(grammar) => json!({"ebnf": grammar}),
    }
}

/// `json_object` with a schema rather than `json_schema`: llama-cpp-python knows only the former, llama.cpp both.
fn llama_cpp(shape: &Shape, is_chat: bool) -> Option<Value> {
    match shape {
        Shape::JsonSchema(schema) if is_chat => {
            Some(json!({"response_format": {"type": "json_object", "schema": schema}}))
        }
        Shape::JsonSchema(schema) => Some(json!({"json_schema": schema})),
        Shape::Regex(_) => None,
        Shape::Choice(texts) => {
            let quoted: Vec<String> = texts.iter().map(|text| quote_gbnf(text)).collect();
            Some(json!({"grammar": format!("root ::= {}\n", quoted.join(" | "))}))
        }
        Shape::Grammar(grammar) => Some(json!({"grammar": grammar})),
    }
}

/// Whether OpenAI takes a schema as strict: every object closed, all its properties required.
fn is_strict(schema: &Value, level: usize) -> bool {
    let Value::Object(fields) = schema else { return true };
    if level > MAX_LEVELS {
        return false;
    }
    let is_closed = match fields.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            let required = fields.get("required").and_then(Value::as_array);
            let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|other| other == name));
            fields.get("additionalProperties") == Some(&Value::Bool(false))
                && properties.iter().all(|(name, inner)| is_required(name) && is_strict(inner, level + 1))
        }
        None => fields.get("type").and_then(Value::as_str) != Some("object"),
    };
    let nested = ["items", "anyOf", "$defs", "definitions"].iter().filter_map(|name| fields.get(*name));
    is_closed
        && nested.into_iter().all(|inner| match inner {
            Value::Array(items) => items.iter().all(|item| is_strict(item, level + 1)),
            Value::Object(inner) if !inner.contains_key("type") && !inner.contains_key("$ref") => {
                inner.values().all(|item| is_strict(item, level + 1))
            }
            other => is_strict(other, level + 1),
        })
}

fn escape_regex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$/-".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A text in GBNF's quotes.
fn quote_gbnf(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECTS: [Guided; 6] =
        [Guided::Vllm, Guided::Sglang, Guided::Openai, Guided::LlamaCpp, Guided::Ollama, Guided::None];

    fn sent(shape: &Shape, is_chat: bool) -> Vec<String> {
        let keys = |dialect| match fields(shape, dialect, is_chat) {
            Ok(fields) => fields.keys().cloned().collect::<Vec<_>>().join("+"),
            Err(_) => "-".to_owned(),
        };
        DIALECTS.into_iter().map(keys).collect()
    }

    #[test]
    fn each_dialect_has_its_own_words() {
        let schema = Shape::JsonSchema(json!({"type": "object"}));
        let regex = Shape::Regex("[0-9]+".into());
        let choice = Shape::Choice(vec!["a".into(), "b|\"c".into()]);
        let grammar = Shape::Grammar("root ::= \"a\"".into());
        let format = "response_format";
        assert_eq!(sent(&schema, true), [format, format, format, format, format, "-"]);
        let bare = ["structured_outputs+guided_json", "json_schema", format, "json_schema", "-", "-"];
        assert_eq!(sent(&schema, false), bare);
        assert_eq!(sent(&regex, true), ["structured_outputs+guided_regex", "regex", "-", "-", "-", "-"]);
        assert_eq!(sent(&choice, true), ["structured_outputs+guided_choice", "regex", "-", "grammar", "-", "-"]);
        assert_eq!(sent(&grammar, false), ["structured_outputs+guided_grammar", "ebnf", "-", "grammar", "-", "-"]);
        let chosen = |dialect, field: &str| fields(&choice, dialect, true).unwrap()[field].clone();
        assert_eq!(chosen(Guided::Sglang, "regex"), "(a|b\\|\"c)");
        assert_eq!(chosen(Guided::LlamaCpp, "grammar"), "root ::= \"a\" | \"b|\\\"c\"\n");
    }

    #[test]
    fn a_schema_is_strict_only_when_openai_takes_it_so() {
        let object = |additional: Value, required: Value| {
            json!({"type": "object", "properties": {"a": {"type": "string"}},
                "required": required, "additionalProperties": additional})
        };
        let closed = object(json!(false), json!(["a"]));
        for (schema, expected) in [
            (closed.clone(), true),
            (object(json!(true), json!(["a"])), false),
            (object(json!(false), json!([])), false),
            (json!({"type": "array", "items": closed}), true),
            (json!({"type": "array", "items": {"type": "object"}}), false),
            (json!({"anyOf": [{"type": "string"}, {"type": "object"}]}), false),
            (json!({"enum": ["a"]}), true),
        ] {
            assert_eq!(is_strict(&schema, 0), expected, "{schema}");
        }
    }
}
