//! Prompts: strict templates, and the hash that `made_by` remembers.
//!
//! A variable that the recipe does not set is an error when the template is read, not a hole in the prompt.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

/// A compiled template.
#[derive(Debug, Clone)]
pub struct Template {
    environment: Environment<'static>,
}

const NAME: &str = "prompt";

impl Template {
    /// Compiles a minijinja template.
    ///
    /// # Errors
    /// A sentence with the line that cannot be read.
    pub fn new(source: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|e| describe(&e))?);
        environment.add_template_owned(NAME, source.to_owned()).map_err(|e| describe(&e))?;
        Ok(Self { environment })
    }

    /// The prompt for these variables.
    ///
    /// # Errors
    /// A sentence that names the variable that is missing.
    pub fn render<T: Serialize>(&self, variables: &T) -> Result<String, String> {
        let template = self.environment.get_template(NAME).map_err(|e| describe(&e))?;
        template.render(Value::from(Serde(variables))).map_err(|e| describe(&e))
    }
}

fn describe(error: &minijinja::Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    format!("the prompt's template{line}: {detail}")
}

/// The hash of a rendered prompt: 32 hex digits of xxh3-128.
pub fn prompt_hash(prompt: &str) -> String {
    format!("{:032x}", xxh3_128(prompt.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_variable_is_an_error_that_says_where() {
        let template = Template::new("a\n{{ task }}").unwrap();
        assert_eq!(template.render(&json!({ "task": "b" })).unwrap(), "a\nb");
        let error = template.render(&json!({})).unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        assert!(Template::new("{% for x in %}").is_err());
    }
}
