//! `self_instruct.collect`: the set that comes of it all: instances judged per instruction, laid out, mixed.
//!
//! The last step of Self-Instruct, for instances of any origin (`self_instruct.instances`, `self_instruct.tasks`, several
//! of them together): what contradicts itself or repeats goes, at most so many instances of an instruction stay, each
//! gets a prompt and a completion for tuning, and the rows are shuffled. Rows of the input that no worker made are the
//! seed tasks: an instance that is a seed's is dropped, and with `include_seed_tasks` the seeds are part of the set.
//! Tuning itself is not done here. The rows are held in memory: they are instructions, not a corpus.
//!
//! Source: Wang et al. 2023, arXiv:2212.10560, section 2.2, step 4, and the released `prepare_for_finetuning.py`. We
//! differ: its order of duplicates and its draws depend on the Python process, ours on the seed; it does not compare
//! with the seeds; every row that goes is in the ledger.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, MADE_BY, PARENTS};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::Finish;
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::encodings::Encodings;
use super::figures::{self, Diversity};
use super::instances::{self, Compat, Instance};
use super::python_text::level;
use super::seeds::seed;
use crate::kit::rows::{
    RowWriter, count, extended_schema, instruction_fields, read_rows, require_columns, set_instruction, text,
};
use crate::kit::{Draws, Row, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "self_instruct.collect",
    version: 1,
    about: "Instances of all instructions as one set: without contradictions, repetitions and seeds, laid out, shuffled.",
    source: "Self-Instruct, Wang et al. 2023, arXiv:2212.10560, section 2.2, step 4",
    takes_input: true,
    params: &[
        ParamDoc { name: "keep", default: "5", about: "most instances kept per instruction" },
        ParamDoc {
            name: "include_seed_tasks",
            default: "false",
            about: "rows of the input that no worker made are part of the set, and not only what it is held against",
        },
        ParamDoc {
            name: "plain_share",
            default: "0.5",
            about: "share of inputs that lose the one label they begin with and their blank lines; the released code's",
        },
        ParamDoc {
            name: "end_of_text",
            default: "\"<|endoftext|>\"",
            about: "ends every completion; that of GPT-3, as released",
        },
        ParamDoc {
            name: "encodings",
            default: "configs/prompts/self_instruct/encodings.json",
            about: "layouts with `instruction`, `input`, `output`, drawn for each instance",
        },
        ParamDoc { name: "shuffle", default: "true", about: "mix the rows by the seed" },
        ParamDoc {
            name: "compat",
            default: "\"mended\"",
            about: "released: a label is the word before the only colon, wherever it stands",
        },
    ],
    build,
};

const RULES: &[&str] = &[
    "is_a_task",
    "output_given",
    "output_differs_from_input",
    "no_open_colon",
    "one_output_per_input",
    "said_once",
    "among_those_drawn",
    "unlike_seeds",
    "laid_out_once",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "five")]
    keep: usize,
    #[serde(default)]
    include_seed_tasks: bool,
    #[serde(default = "half")]
    plain_share: f64,
    #[serde(default = "end_of_text")]
    end_of_text: String,
    encodings: Option<PathBuf>,
    #[serde(default = "yes")]
    shuffle: bool,
    #[serde(default)]
    compat: Compat,
}

fn five() -> usize {
    5
}
fn half() -> f64 {
    0.5
}
fn end_of_text() -> String {
    "<|endoftext|>".to_owned()
}
fn yes() -> bool {
    true
}

struct Collect {
    stage: String,
    seed: u64,
    params: Params,
    encodings: Encodings,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(collect(spec)?)))
}

fn collect(spec: &StageSpec<'_>) -> Result<Collect, ParamError> {
    let params: Params = params::parse(spec.params)?;
    if !(0.0..=1.0).contains(&params.plain_share) {
        return Err(ParamError::at("plain_share", "expected a share between 0 and 1"));
    }
    let mut encodings = Encodings::read(spec.reads, params.encodings.as_deref())?;
    encodings.plain_share = params.plain_share;
    encodings.end_of_text.clone_from(&params.end_of_text);
    encodings.compat = params.compat;
    Ok(Collect { stage: spec.name.to_owned(), seed: spec.seed, params, encodings })
}

/// A row with the rule that ends it, if any, and what shows why.
type Judged = (Row, Option<(&'static str, Value)>);

impl Collect {
    /// What becomes of the rows, in their order.
    fn judge(&self, rows: Vec<Row>) -> Result<Vec<Judged>> {
        let (mut judged, mut seeds): (Vec<Judged>, HashSet<u128>) = (Vec::new(), HashSet::new());
        let mut of_instruction: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for mut row in rows {
            if row.get(MADE_BY).is_some_and(Value::is_object) {
                let parts = ["instruction", "input", "output"].map(|key| text_of(&row, key).trim().to_owned());
                let [instruction, input, output] = &parts;
                let fails = instruction.is_empty().then(|| ("is_a_task", json!({})));
                // One rendering for all, so that near duplicates are found whatever made them.
                set_instruction(&mut row, instruction, input, output);
                if fails.is_none() {
                    of_instruction.entry(instruction.clone()).or_default().push(judged.len());
                }
                judged.push((row, fails));
                continue;
            }
            match seed(&row) {
                None => judged.push((row, Some(("is_a_task", json!({}))))),
                Some(task) => {
                    seeds.insert(sameness(&task.instruction, &task.input, &task.output));
                    if self.params.include_seed_tasks {
                        set_instruction(&mut row, &task.instruction, &task.input, &task.output);
                        row.insert(PARENTS.into(), json!([]));
                        row.insert("is_classification".into(), task.is_classification.into());
                        judged.push((row, None));
                    }
                }
            }
        }
        for (instruction, places) in &of_instruction {
            self.judge_instruction(instruction, places, &mut judged);
        }
        for (row, fails) in judged.iter_mut().filter(|(row, fails)| fails.is_none() && is_made(row)) {
            let same = sameness(text_of(row, "instruction"), text_of(row, "input"), text_of(row, "output"));
            *fails = seeds.contains(&same).then(|| ("unlike_seeds", json!({})));
        }
        self.lay_out(&mut judged)?;
        Ok(judged)
    }

    fn judge_instruction(&self, instruction: &str, places: &[usize], judged: &mut [Judged]) {
        let instance = |at: &usize| {
            let row = &judged[*at].0;
            let part = |key| text_of(row, key).trim().to_owned();
            Instance { input: part("input"), output: part("output") }
        };
        let instances: Vec<Instance> = places.iter().map(instance).collect();
        let mut draws = Draws::of(self.seed, &[&self.stage, "draw", instruction]);
        // What a reply was cut at is known where it was read: here every instance is whole.
        let verdicts = instances::judge(instances, Finish::Stop, self.params.keep, &mut draws);
        for (at, (instance, fails)) in places.iter().zip(verdicts) {
            let evidence = json!({ "input": instance.input, "output": instance.output, "of": places.len() });
            judged[*at].1 = fails.map(|rule| (rule, evidence));
        }
    }

    fn lay_out(&self, judged: &mut [Judged]) -> Result<()> {
        let mut seen: HashSet<u128> = HashSet::new();
        for (row, fails) in judged.iter_mut().filter(|(_, fails)| fails.is_none()) {
            let mut draws = Draws::of(self.seed, &[&self.stage, "layout", text_of(row, ID)]);
            let part = |key| text_of(row, key).trim().to_owned();
            let instance = Instance { input: part("input"), output: part("output") };
            let laid = self.encodings.encode(text_of(row, "instruction"), &instance, &mut draws);
            let laid = laid.map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
            let same = xxh3_128(format!("{}\u{0}{}", laid.prompt, laid.completion).as_bytes());
            row.insert("prompt".into(), laid.prompt.into());
            row.insert("completion".into(), laid.completion.into());
            row.insert("layout".into(), laid.layout.into());
            if !seen.insert(same) {
                *fails = Some(("laid_out_once", json!({})));
            }
        }
        Ok(())
    }

    fn figures(&self, judged: &[Judged], writer: &mut RowWriter<'_>) {
        let mut dropped: BTreeMap<String, u64> = BTreeMap::new();
        let mut instructions: BTreeMap<&str, bool> = BTreeMap::new();
        let (mut kept, mut seeds, mut without_input) = (0, 0, 0);
        let mut words: [Vec<f64>; 3] = Default::default();
        for (row, fails) in judged {
            if let Some((rule, _)) = fails {
                *dropped.entry((*rule).to_owned()).or_insert(0) += 1;
                continue;
            }
            kept += 1;
            seeds += u64::from(!is_made(row));
            without_input += u64::from(text_of(row, "input").is_empty());
            let classified = row.get("is_classification").and_then(Value::as_bool).unwrap_or(false);
            instructions.insert(text_of(row, "instruction"), classified);
            for (words, key) in words.iter_mut().zip(["instruction", "input", "output"]) {
                let n = figures::n_words(text_of(row, key));
                words.extend((n > 0.0).then_some(n));
            }
        }
        let n_instructions = instructions.len() as u64;
        let classified = instructions.values().filter(|classified| **classified).count() as u64;
        let repeated = ["said_once", "unlike_seeds", "laid_out_once"].map(|rule| dropped.get(rule).unwrap_or(&0));
        let rows = [
            ("instances", json!(kept), json!(82_439)),
            ("instructions", json!(n_instructions), json!(52_445)),
            ("share of instructions that classify", figures::share(classified, n_instructions), json!(0.2209)),
            ("share of instances without input", figures::share(without_input, kept), json!(0.4352)),
            ("instances that repeat one before or a seed", json!(repeated.into_iter().sum::<u64>()), Value::Null),
            ("seed tasks among them", json!(seeds), Value::Null),
        ];
        let note = "Shares of the paper: 11,584 of 52,445 instructions, 35,878 of 82,439 instances.";
        writer.figure("collected", figures::table("the collected set", "Self-Instruct", &rows, note));
        writer.figure("collected by rule", figures::by_rule("instances dropped, by rule", RULES, &dropped));
        let [instruction, input, output] = &words;
        let rows: [(&str, &[f64], Value); 3] = [
            ("words of an instruction", instruction, json!(15.9)),
            ("words of an input that is not empty", input, json!(12.7)),
            ("words of an output", output, json!(18.9)),
        ];
        writer.figure("lengths", figures::spreads("lengths", "Self-Instruct", &rows));
        let mut diversity = Diversity::default();
        instructions.keys().for_each(|instruction| diversity.add(instruction));
        writer.figure("diversity", diversity.table("Self-Instruct"));
    }
}

fn is_made(row: &Row) -> bool {
    row.get(MADE_BY).is_some_and(Value::is_object)
}

/// Two tasks are the same when white space and capitals alone tell them apart.
fn sameness(instruction: &str, input: &str, output: &str) -> u128 {
    let parts = [instruction, input, output].map(|part| level(part).to_lowercase());
    xxh3_128(parts.join("\u{0}").as_bytes())
}

#[async_trait]
impl Maker for Collect {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, MADE_BY, "instruction", "input", "output"])?;
        let own = instruction_fields().into_iter().chain([text("prompt"), text("completion"), count("layout")]);
        Ok(extended_schema(input, own))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    async fn make(&self, input: &dyn Relation, _context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let session = input.session();
        let schema = self.schema(input.frame(&session)?.schema().as_arrow())?;
        let mut writer = RowWriter::new(&self.stage, schema, out);
        let mut judged = self.judge(read_rows(input).await?)?;
        self.figures(&judged, &mut writer);
        if self.params.shuffle {
            Draws::of(self.seed, &[&self.stage, "shuffle"]).shuffle(&mut judged);
        }
        for (row, fails) in judged {
            match fails {
                None => writer.keep(row)?,
                Some((rule, evidence)) => writer.drop(row, rule, &evidence)?,
            }
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gristmill_core::stage::Reads;

    fn made(id: &str, instruction: &str, input: &str, output: &str) -> Row {
        let row = json!({
            "id": id, "made_by": { "worker": "w" }, "instruction": instruction, "input": input, "output": output,
        });
        row.as_object().unwrap().clone()
    }

    fn seed_row() -> Row {
        let meta = json!({ "instances": [{ "input": "1 2", "output": "3" }], "is_classification": false }).to_string();
        json!({ "id": "s", "made_by": null, "text": "Add the numbers.", "meta": meta }).as_object().unwrap().clone()
    }

    fn fails(params: &Value, rows: Vec<Row>) -> Vec<(String, Option<&'static str>)> {
        let collect =
            collect(&StageSpec { name: "c", params, seed: 1, limit: None, reads: &Reads::default() }).unwrap();
        let judged = collect.judge(rows).unwrap();
        judged.into_iter().map(|(row, fails)| (text_of(&row, ID).to_owned(), fails.map(|(rule, _)| rule))).collect()
    }

    /// By the rules of the released script, counted by hand; the comparison with the seeds is ours.
    #[test]
    fn what_contradicts_itself_repeats_or_is_a_seed_goes() {
        let rows = || {
            vec![
                seed_row(),
                made("a", "Sort the words.", "b a", "a b"),
                made("b", "Sort the words.", "b a", "b a c"),
                made("c", "Name a river.", "", "The Loire."),
                made("d", "Name a river.", "", "The Loire."),
                made("e", "Name a river.", "", "The Rhine."),
                made("f", "add the  numbers.", "1 2", "3"),
                made("g", "", "", "x"),
            ]
        };
        let expected = [
            ("a", Some("one_output_per_input")),
            ("b", Some("one_output_per_input")),
            ("c", None),
            ("d", Some("said_once")),
            ("e", None),
            ("f", Some("unlike_seeds")),
            ("g", Some("is_a_task")),
        ];
        let expected = expected.map(|(id, fails)| (id.to_owned(), fails));
        assert_eq!(fails(&json!({}), rows()), expected);
        let with_seeds = fails(&json!({ "include_seed_tasks": true }), rows());
        assert_eq!(with_seeds[0], ("s".to_owned(), None));
        assert_eq!(with_seeds[1..], expected);
        let one = fails(&json!({ "keep": 1 }), rows());
        assert_eq!(one.iter().filter(|(_, fails)| *fails == Some("among_those_drawn")).count(), 1);
    }

    #[test]
    fn rows_are_laid_out_with_the_end_mark() {
        let params = json!({ "include_seed_tasks": true });
        let collect =
            collect(&StageSpec { name: "c", params: &params, seed: 1, limit: None, reads: &Reads::default() }).unwrap();
        let judged = collect.judge(vec![seed_row(), made("a", "Name a river.", "", "The Loire.")]).unwrap();
        assert_eq!(text_of(&judged[0].0, "text"), "Instruction: Add the numbers.\nInput: 1 2\nOutput: 3");
        assert!(text_of(&judged[1].0, "completion").ends_with("The Loire.<|endoftext|>"));
        assert!(text_of(&judged[1].0, "prompt").contains("Name a river."));
    }
}
