//! `croissant.json`: the release as machines read it.
//!
//! Source: Croissant 1.0 and Croissant RAI 1.0 (MLCommons, docs.mlcommons.org/croissant). Every file is a `FileObject` with its
//! checksum, every split a `FileSet`, the rows one `RecordSet` over all of them. The RAI fields say what this run knows of
//! itself: how rows came in, what was done to them, what made some of them. Nothing is claimed that was not counted.

use arrow::datatypes::{DataType, Field};
use gristmill_core::stage::Stage;
use gristmill_stages::release::{Layout, ReleaseParams};
use serde_json::{Value, json};

use super::Told;
use super::files::ReleasedFile;
use crate::plan::Node;

/// The metadata of a release.
pub(super) fn croissant(told: &Told<'_>) -> Value {
    let (params, facts, name) = (told.params, told.facts, told.title());
    let described = params.description.clone().unwrap_or_else(|| {
        format!("{} documents, built by gristmill {} from its configuration.", facts.rows, env!("CARGO_PKG_VERSION"))
    });
    let mut licenses: Vec<String> = params.license.iter().cloned().collect();
    if licenses.is_empty() {
        licenses = facts.licenses.keys().cloned().collect();
    }
    let mut all = json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "name": identifier(name),
        "alternateName": name,
        "description": described,
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "license": if licenses.is_empty() { vec!["unknown".to_owned()] } else { licenses },
        "version": "1.0.0",
        "keywords": params.task_categories,
        "distribution": distribution(params, told.files),
        "recordSet": [record_set(told.node)],
    });
    if !facts.known_languages().is_empty() {
        all["inLanguage"] = json!(facts.known_languages());
    }
    if let Some(day) = told.published() {
        all["datePublished"] = json!(day);
    }
    if let Some(citation) = &params.citation {
        all["citeAs"] = json!(citation);
    }
    if let Some(all) = all.as_object_mut() {
        all.extend(responsible(told));
    }
    all
}

/// The vocabulary, as the standard prints it.
fn context() -> Value {
    json!({
        "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
        "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/", "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" }, "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": { "@id": "cr:examples", "@type": "@json" }, "extract": "cr:extract", "field": "cr:field",
        "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
        "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField",
        "path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex",
        "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate", "sc": "https://schema.org/", "separator": "cr:separator",
        "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
    })
}

/// A name that file systems and identifiers bear.
fn identifier(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    if plain.is_empty() { "dataset".into() } else { plain }
}

fn folder_and_format(params: &ReleaseParams) -> (&'static str, &'static str, &'static str) {
    match params.layout {
        Layout::Parquet => ("data", "parquet", "application/x-parquet"),
        Layout::Dolma => ("documents", "jsonl.zst", "application/zstd"),
    }
}

/// The file set that the rows are read from.
const ALL_FILES: &str = "files";

/// Every file, a set for each split, and one for all.
fn distribution(params: &ReleaseParams, files: &[ReleasedFile]) -> Vec<Value> {
    let (folder, suffix, format) = folder_and_format(params);
    // A file set that is contained in nothing is a pattern over the folder of this file.
    let mut all: Vec<Value> = vec![json!({
        "@type": "cr:FileSet", "@id": ALL_FILES, "name": ALL_FILES,
        "description": "The files of all splits.",
        "encodingFormat": format, "includes": format!("{folder}/*.{suffix}"),
    })];
    all.extend(params.shares().iter().map(|(split, _)| {
        json!({
            "@type": "cr:FileSet", "@id": format!("split-{split}"), "name": format!("split-{split}"),
            "description": format!("The files of the split {split}."),
            "encodingFormat": format, "includes": format!("{folder}/{split}-*.{suffix}"),
        })
    }));
    all.extend(files.iter().map(|file| {
        let format = match file.path.rsplit('.').next() {
            Some("npy") => "application/x-npy",
            Some("json") => "application/json",
            _ => format,
        };
        json!({
            "@type": "cr:FileObject", "@id": file.path, "name": file.path.replace('/', "-"),
            "contentUrl": file.path, "contentSize": format!("{} B", file.bytes), "encodingFormat": format,
            "sha256": file.sha256,
        })
    }));
    all
}

/// The rows of all splits, with the split as a field of its own, read off the file's name.
fn record_set(node: &Node) -> Value {
    let mut fields: Vec<Value> = node.schema.fields().iter().map(|column| field(column)).collect();
    if node.schema.field_with_name("split").is_err() {
        fields.push(json!({
            "@type": "cr:Field", "@id": "rows/split", "name": "rows/split", "description": "Split of the row.",
            "dataType": "sc:Text",
            "source": {
                "fileSet": { "@id": ALL_FILES }, "extract": { "fileProperty": "filename" },
                "transform": { "regex": "^([A-Za-z0-9_]+)-[0-9]+-of-" },
            },
        }));
    }
    json!({
        "@type": "cr:RecordSet", "@id": "rows", "name": "rows",
        "description": "One record for each document.", "field": fields,
    })
}

fn field(column: &Field) -> Value {
    let name = column.name();
    let mut field = json!({
        "@type": "cr:Field", "@id": format!("rows/{name}"), "name": format!("rows/{name}"),
        "description": about(name),
        "dataType": data_type(column.data_type()),
        "source": { "fileSet": { "@id": ALL_FILES }, "extract": { "column": name } },
    });
    if matches!(column.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::ListView(_)) {
        field["repeated"] = json!(true);
    }
    field
}

/// What the columns that every release may have hold.
fn about(column: &str) -> &'static str {
    match column {
        "id" => "Identifier of the document, stable between builds.",
        "text" => "The text.",
        "url" => "Where the document was found.",
        "source" => "Which collection the document came from.",
        "created" => "When the document was made or fetched.",
        "license" => "Licence of the document; null where it states none.",
        "meta" => "Further fields of the input, as JSON text.",
        "instruction" => "What is asked.",
        "input" => "What it is asked about; empty where the instruction stands alone.",
        "output" => "The answer.",
        "language" => "Language, as an ISO 639 code.",
        "opt_out" => "Signals by which the page withholds itself from use for models.",
        "parents" => "Identifiers of the documents it was made from.",
        "made_by" => "Worker, recipe and hash of the prompt that made it.",
        _ => "A column that the release chose.",
    }
}

fn data_type(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "sc:Boolean",
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => "sc:DateTime",
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => data_type(item.data_type()),
        kind if kind.is_integer() => "sc:Integer",
        kind if kind.is_floating() => "sc:Float",
        _ => "sc:Text",
    }
}

/// How many rows each rule dropped.
fn drops(told: &Told<'_>) -> Vec<String> {
    let counted = told.plan.nodes.iter().filter_map(|node| Some((node, told.counts.get(&node.decl.name)?)));
    counted
        .flat_map(|(node, count)| {
            count.dropped.iter().map(move |(rule, n)| format!("{}.{rule} dropped {n}", node.decl.name))
        })
        .collect()
}

/// The stages that made rows, and who made them.
fn makers(told: &Told<'_>) -> Vec<String> {
    let made_by = |(node, workers): (&Node, Vec<String>)| {
        let by = if workers.is_empty() { "made by rules".to_owned() } else { workers.join(", ") };
        format!("{} ({}): {by}", node.decl.name, node.decl.kind)
    };
    told.makers().into_iter().map(made_by).collect()
}

/// The fields of Croissant RAI that a run can fill by itself.
fn responsible(told: &Told<'_>) -> impl Iterator<Item = (String, Value)> {
    let nodes = || told.plan.nodes.iter();
    let records = |name: &str| told.counts.get(name).map_or(0, |count| count.rows_in);
    let sources: Vec<String> = nodes()
        .filter(|node| matches!(node.stage, Stage::Source(_)))
        .map(|node| format!("{} ({}): {} records", node.decl.name, node.decl.kind, records(&node.decl.name)))
        .collect();
    let steps: Vec<String> = nodes()
        .filter_map(|node| {
            let count = told.counts.get(&node.decl.name)?;
            Some(format!("{} ({}): {} in, {} kept", node.decl.name, node.decl.kind, count.rows_in, count.kept))
        })
        .collect();
    let makers = makers(told);
    let mut kinds = vec!["Others"];
    if !makers.is_empty() {
        kinds.push("Synthetic data");
    }
    if nodes().any(|node| node.decl.kind == "warc") {
        kinds.push("Web scraping");
    }
    let machine =
        if makers.is_empty() { "No language model made or judged any row.".into() } else { makers.join("; ") };
    let missing = format!("{} of {} documents state no licence.", told.facts.unlicensed(), told.facts.rows);
    let private = match told.uses("pii") {
        true => "Personal information was looked for by the operators named in the steps above.",
        false => "Personal information was neither looked for nor removed.",
    };
    let mut fields = vec![
        ("rai:dataCollection", json!(sources.join("; "))),
        ("rai:dataCollectionType", json!(kinds)),
        ("rai:dataCollectionMissingData", json!(missing)),
        ("rai:dataPreprocessingProtocol", json!(steps)),
        ("rai:dataManipulationProtocol", json!(drops(told))),
        ("rai:machineAnnotationTools", json!([machine])),
        ("rai:personalSensitiveInformation", json!([private])),
        ("rai:dataLimitations", json!("Filters are heuristics; what each dropped is in the ledger of the run.")),
        ("rai:dataUseCases", json!(told.params.task_categories)),
    ];
    let found: Vec<String> = told
        .audits
        .iter()
        .flat_map(|(stage, audit)| super::card::findings(audit).map(move |line| format!("{stage}: {line}")))
        .collect();
    if !found.is_empty() {
        fields.push(("rai:dataBiases", json!(found)));
    }
    fields.into_iter().map(|(key, value)| (key.to_owned(), value))
}
