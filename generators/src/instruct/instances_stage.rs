//! `self_instruct.is_classification`, `self_instruct.instances` and `ensemble_instruct.instances`: what an instruction is
//! about, and inputs with outputs for it.
//!
//! Source: Wang et al. 2023, arXiv:2212.10560, section 2.2, steps 2 and 3: input first, or for classification the label
//! first, so that labels are not all alike; Lee et al. 2023, arXiv:2310.13961, section 3.2: labelled fields, ended by a mark.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use super::instances::{self, Compat, Instance, LABELLED_RULES, RULES};
use super::instances_tally::{ClassificationTally, InstancesTally};
use super::instructions_stage::END_MARK;
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{
    Origin, claim, document_schema, extended_schema, instruction_fields, require_columns, set_instruction, text,
};
use crate::kit::{Draws, Outcome, Panel, PerRow, Row, RowRecipe, Tally, Template, text_of};

/// The row of the stage table for the question whether a task is classification.
pub(super) const CLASSIFICATION: StageEntry = StageEntry {
    kind: "self_instruct.is_classification",
    version: 1,
    about: "Asks of each instruction whether it is classification with a finite set of labels; adds `is_classification`.",
    source: "Self-Instruct, Wang et al. 2023, arXiv:2212.10560, section 2.2",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "answers Yes or No" },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/self_instruct/is_classification.j2",
            about: "template with `instruction`",
        },
        ParamDoc { name: "sampling", default: "greedy, max_tokens 3", about: "how the answer is drawn" },
    ],
    build: build_classification,
};

/// The row of the stage table for Self-Instruct's instances.
pub(super) const SELF_INSTRUCT: StageEntry = StageEntry {
    kind: "self_instruct.instances",
    version: 2,
    about: "Inputs and outputs for each instruction, label first for classification; drops what is invalid or contradicts itself.",
    source: "Self-Instruct, Wang et al. 2023, arXiv:2212.10560, section 2.2",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "writes instances" },
        ParamDoc { name: "keep", default: "5", about: "most instances kept per instruction" },
        ParamDoc {
            name: "compat",
            default: "\"mended\"",
            about: "released: also splits at the word \"Example\" in running text",
        },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/self_instruct/instances_input_first.j2",
            about: "template with `instruction`",
        },
        ParamDoc {
            name: "classification_prompt",
            default: "configs/prompts/self_instruct/instances_output_first.j2",
            about: "template with `instruction`",
        },
        ParamDoc { name: "sampling", default: "greedy, presence 1.5, max_tokens 350", about: "how replies are drawn" },
    ],
    build: build_self,
};

/// The row of the stage table for Ensemble-Instruct's instances.
pub(super) const ENSEMBLE_INSTRUCT: StageEntry = StageEntry {
    kind: "ensemble_instruct.instances",
    version: 2,
    about: "Inputs and outputs, or outputs only, for each instruction, in labelled fields ended by a mark.",
    source: "Ensemble-Instruct, Lee et al. 2023, arXiv:2310.13961, section 3.2",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "writes instances" },
        ParamDoc { name: "form", default: "\"input_output\"", about: "input_output or output" },
        ParamDoc {
            name: "compat",
            default: "\"mended\"",
            about: "released: one instance per reply, first line of a field only",
        },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/ensemble_instruct/instances_….j2",
            about: "template with `instruction`",
        },
        ParamDoc {
            name: "sampling",
            default: "temperature 0.7, top_k 50, max_tokens 512",
            about: "how replies are drawn",
        },
    ],
    build: build_ensemble,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassificationParams {
    worker: String,
    prompt: Option<String>,
    sampling: Option<Value>,
}

struct Classification {
    stage: String,
    worker: String,
    template: Template,
    sampling: Sampling,
}

fn build_classification(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: ClassificationParams = params::parse(spec.params)?;
    let stop = vec!["\n".to_owned(), "Task".to_owned()];
    let own = Sampling { max_tokens: 3, stop, ..Sampling::default() };
    let builtin = include_str!("../../../configs/prompts/self_instruct/is_classification.j2");
    let recipe = Classification {
        stage: spec.name.to_owned(),
        template: template(spec.reads, "prompt", params.prompt.as_deref(), builtin)?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        worker: params.worker,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe)))))
}

fn render(stage: &str, template: &Template, instruction: &str) -> Result<String> {
    let prompt = template.render(&json!({ "instruction": instruction }));
    let prompt = prompt.map_err(|cause| Error::Stage { stage: stage.to_owned(), cause })?;
    Ok(prompt.trim_end().to_owned())
}

#[async_trait]
impl RowRecipe for Classification {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &["id", "instruction"])?;
        Ok(extended_schema(input, [claim("is_classification"), text("classification_reply")]))
    }

    fn rules(&self) -> Vec<String> {
        Vec::new()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.worker.clone())]
    }

    fn tally(&self) -> Option<Box<dyn Tally>> {
        Some(Box::<ClassificationTally>::default())
    }

    async fn work(&self, _n: u64, mut row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let prompt = render(&self.stage, &self.template, text_of(&row, "instruction"))?;
        let request = CompletionRequest::new(Prompt::Text(prompt), self.sampling.clone());
        Ok(vec![match workers.askers[0].ask(request).await? {
            Err(error) => Outcome::failed(row, &error),
            Ok(reply) => {
                row.insert("is_classification".into(), instances::says_classification(&reply.text).into());
                row.insert("classification_reply".into(), reply.text.into());
                Outcome::Keep(row)
            }
        }])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SelfParams {
    worker: String,
    #[serde(default = "five")]
    keep: usize,
    #[serde(default)]
    compat: Compat,
    prompt: Option<String>,
    classification_prompt: Option<String>,
    sampling: Option<Value>,
}

fn five() -> usize {
    5
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnsembleParams {
    worker: String,
    #[serde(default)]
    form: Form,
    #[serde(default)]
    compat: Compat,
    prompt: Option<String>,
    sampling: Option<Value>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Form {
    #[default]
    InputOutput,
    Output,
}

/// How replies are read.
enum Reading {
    /// Input first, or label first for classification; at most so many kept.
    Examples { keep: usize, seed: u64 },
    /// Labelled fields.
    Labelled,
}

struct Instances {
    stage: String,
    kind: &'static str,
    worker: String,
    compat: Compat,
    reading: Reading,
    template: Template,
    classification: Option<Template>,
    sampling: Sampling,
}

fn build_self(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: SelfParams = params::parse(spec.params)?;
    let stop = vec!["Example 6".to_owned(), "Task:".to_owned()];
    let own = Sampling { presence_penalty: 1.5, max_tokens: 350, stop, ..Sampling::default() };
    let input_first = include_str!("../../../configs/prompts/self_instruct/instances_input_first.j2");
    let output_first = include_str!("../../../configs/prompts/self_instruct/instances_output_first.j2");
    let classification =
        template(spec.reads, "classification_prompt", params.classification_prompt.as_deref(), output_first)?;
    let recipe = Instances {
        stage: spec.name.to_owned(),
        kind: SELF_INSTRUCT.kind,
        template: template(spec.reads, "prompt", params.prompt.as_deref(), input_first)?,
        classification: Some(classification),
        sampling: sampling(&own, params.sampling.as_ref())?,
        reading: Reading::Examples { keep: params.keep, seed: spec.seed },
        compat: params.compat,
        worker: params.worker,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe)))))
}

fn build_ensemble(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: EnsembleParams = params::parse(spec.params)?;
    let stop = vec!["\n\n".to_owned(), END_MARK.to_owned()];
    let own = Sampling { temperature: 0.7, top_k: Some(50), max_tokens: 512, stop, ..Sampling::default() };
    let builtin = match params.form {
        Form::InputOutput => include_str!("../../../configs/prompts/ensemble_instruct/instances_input_output.j2"),
        Form::Output => include_str!("../../../configs/prompts/ensemble_instruct/instances_output.j2"),
    };
    let recipe = Instances {
        stage: spec.name.to_owned(),
        kind: ENSEMBLE_INSTRUCT.kind,
        template: template(spec.reads, "prompt", params.prompt.as_deref(), builtin)?,
        classification: None,
        sampling: sampling(&own, params.sampling.as_ref())?,
        reading: Reading::Labelled,
        compat: params.compat,
        worker: params.worker,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe)))))
}

impl Instances {
    /// The instances of a reply, each with the rule that ends it.
    fn read(
        &self,
        row: &Row,
        reply: &gristmill_lm::Completion,
        label_first: bool,
    ) -> Vec<(Instance, Option<&'static str>)> {
        match self.reading {
            Reading::Examples { keep, seed } => {
                let found = match label_first {
                    true => instances::output_first(&reply.text),
                    false => instances::input_first(&reply.text, self.compat),
                };
                let mut draws = Draws::of(seed, &[&self.stage, text_of(row, ID)]);
                instances::judge(found, reply.finish, keep, &mut draws)
            }
            Reading::Labelled => {
                let found = instances::labelled(&reply.text, END_MARK, self.compat);
                let fails = |instance: &Instance| instance.output.is_empty().then_some("output_given");
                found
                    .into_iter()
                    .map(|instance| {
                        let fails = fails(&instance);
                        (instance, fails)
                    })
                    .collect()
            }
        }
    }

    fn row(&self, parent: &Row, hash: &str, i: usize, instance: &Instance) -> Row {
        let mut row = Row::new();
        let id = text_of(parent, ID);
        row.insert(ID.into(), document_id(&self.stage, &format!("{id}#{i}")).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        for column in ["license", "is_classification"] {
            row.insert(column.into(), parent.get(column).cloned().unwrap_or(Value::Null));
        }
        set_instruction(&mut row, text_of(parent, "instruction"), &instance.input, &instance.output);
        let parents = vec![id.to_owned()];
        Origin { worker: &self.worker, recipe: self.kind, prompt_hash: hash, parents }.mark(&mut row);
        row
    }
}

#[async_trait]
impl RowRecipe for Instances {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &["id", "instruction"])?;
        let mut own = instruction_fields();
        own.push(claim("is_classification"));
        own.extend([text("raw_reply"), text("finish")]);
        Ok(document_schema(own))
    }

    fn rules(&self) -> Vec<String> {
        let rules = match self.reading {
            Reading::Examples { .. } => RULES,
            Reading::Labelled => LABELLED_RULES,
        };
        rules.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.worker.clone())]
    }

    fn tally(&self) -> Option<Box<dyn Tally>> {
        Some(Box::new(match self.reading {
            Reading::Examples { .. } => InstancesTally::new(RULES, "Self-Instruct"),
            Reading::Labelled => InstancesTally::new(LABELLED_RULES, "Ensemble-Instruct"),
        }))
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let label_first = row.get("is_classification").and_then(Value::as_bool).unwrap_or(false);
        let chosen = self.classification.as_ref().filter(|_| label_first).unwrap_or(&self.template);
        let prompt = render(&self.stage, chosen, text_of(&row, "instruction"))?;
        let hash = prompt_hash(&prompt);
        let nothing = Instance { input: String::new(), output: String::new() };
        let request = CompletionRequest::new(Prompt::Text(prompt), self.sampling.clone());
        let reply = match workers.askers[0].ask(request).await? {
            Err(error) => return Ok(vec![Outcome::failed(self.row(&row, &hash, 0, &nothing), &error)]),
            Ok(reply) => reply,
        };
        let found = self.read(&row, &reply, label_first);
        if found.is_empty() {
            let mut made = self.row(&row, &hash, 0, &nothing);
            made.insert("finish".into(), json!(reply.finish));
            return Ok(vec![Outcome::drop(made, "reply_has_instances", json!({ "reply": reply.text }))]);
        }
        let outcome = |(i, (instance, fails)): (usize, (Instance, Option<&'static str>))| {
            let mut made = self.row(&row, &hash, i + 1, &instance);
            made.insert("raw_reply".into(), reply.text.as_str().into());
            made.insert("finish".into(), json!(reply.finish));
            match fails {
                None => Outcome::Keep(made),
                Some(rule) => {
                    let evidence = json!({ "input": instance.input, "output": instance.output, "reply": reply.text });
                    Outcome::drop(made, rule, evidence)
                }
            }
        };
        Ok(found.into_iter().enumerate().map(outcome).collect())
    }
}
