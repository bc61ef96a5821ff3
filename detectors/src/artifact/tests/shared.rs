//! On real pairs of human and made text: the figures that the limits were set by come out again.

use crate::artifact::measure::effect::auroc;
use crate::artifact::*;
use std::path::PathBuf;
use unicode_normalization::UnicodeNormalization;

/// The folder of real data, or none with a loud word.
fn shared() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("GRISTMILL_SHARED").map(PathBuf::from);
    let found = given
        .into_iter()
        .chain([root.join("../shared"), root.join("../../shared")])
        .find(|folder| folder.join("data/detect").is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: no real data; set GRISTMILL_SHARED to the folder that holds data/detect");
    }
    found
}

/// White space collapsed, compatibility forms and quotes folded, no space before punctuation, last word dropped.
fn normalised(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfkc().collect();
    let mut text = text
        .replace(['\u{2018}', '\u{2019}'], "'")
        .replace(['\u{201c}', '\u{201d}'], "\"")
        .replace(['\u{2013}', '\u{2014}'], "-");
    text = text.replace('\u{2026}', "...").replace("``", "\"").replace("''", "\"");
    for sign in [",", ".", ";", ":", "!", "?"] {
        text = text.replace(&format!(" {sign}"), sign);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words[..words.len().saturating_sub(1)].join(" ")
}

/// The continuation: words 31 to 130 of the first 140 texts.
fn continuations(folder: &std::path::Path, name: &str) -> [Vec<String>; 2] {
    let json = std::fs::read_to_string(folder.join("data/detect").join(name)).unwrap();
    let pairs: serde_json::Value = serde_json::from_str(&json).unwrap();
    ["original", "sampled"].map(|side| {
        let texts = pairs[side].as_array().unwrap().iter().take(140).map(|text| normalised(text.as_str().unwrap()));
        texts.map(|text| text.split_whitespace().skip(30).take(100).collect::<Vec<_>>().join(" ")).collect()
    })
}

#[test]
fn published_bands_come_out_within_the_intervals() {
    let Some(folder) = shared() else { return };
    let metrics = ["compression_ratio", "mtld", "sentence_cv", "vendi", "word_chars"];
    // Measured once with other code (Python: gzip, scikit-learn), both sides: human, then made.
    let sets: [(&str, [[f64; 5]; 2]); 3] = [
        ("xsum_gpt2-xl.json", [[2.329, 104.377, 0.468, 93.712, 4.779], [2.401, 84.167, 0.473, 94.252, 4.591]]),
        ("squad_gpt2-xl.json", [[2.359, 83.559, 0.512, 95.918, 5.056], [2.443, 66.669, 0.509, 96.596, 4.760]]),
        ("writing_gpt-neox-20b.json", [[2.332, 94.116, 0.555, 89.827, 4.232], [2.488, 68.138, 0.531, 90.887, 4.076]]),
    ];
    let bands = Bands::shipped().unwrap();
    for (name, expected) in sets {
        let [human, made] = continuations(&folder, name);
        let made = Side::new("made", Rows::Text(made));
        let audit =
            audit(&Side::new("human", Rows::Text(human)), &made, &Inputs::default(), &Params::default(), &bands)
                .unwrap();
        // On WritingPrompts the other code gave 0.555 for the human side, by a rule of sentences that is not recorded. Six rules
        // tried in Python all gave 0.59 to 0.61 there, as ours does: the figure is not reproduced, and not compared.
        let is_compared = |metric: &str| metric != "sentence_cv" || !name.starts_with("writing");
        for (at, metric) in metrics.iter().enumerate().filter(|(_, metric)| is_compared(metric)) {
            let finding = audit.finding(metric).unwrap();
            for (side, estimate) in [finding.reference, finding.candidate].into_iter().enumerate() {
                let estimate = estimate.unwrap();
                let (low, high, expected) = (estimate.low.unwrap(), estimate.high.unwrap(), expected[side][at]);
                assert!(
                    (low..=high).contains(&expected),
                    "{name} {metric} side {side}: {expected} not in {low}..{high}"
                );
            }
        }
    }
}

#[test]
fn halves_of_one_source_raise_no_alarm() {
    let Some(folder) = shared() else { return };
    let bands = Bands::shipped().unwrap();
    for name in ["xsum_gpt2-xl.json", "writing_gpt2-xl.json", "squad_gpt2-xl.json"] {
        let [human, _] = continuations(&folder, name);
        let (one, other) = human.split_at(70);
        let sides = [one, other].map(|texts| Side::new("human", Rows::Text(texts.to_vec())));
        let audit = audit(&sides[0], &sides[1], &Inputs::default(), &Params::default(), &bands).unwrap();
        let alarms: Vec<&str> =
            audit.findings.iter().filter(|f| f.level == Level::Alarm).map(|f| f.metric.as_str()).collect();
        assert!(alarms.is_empty(), "{name}: {alarms:?}");
        // Of differences that are chance, one interval in twenty leaves out zero; one in five here would be another thing.
        let gaps: Vec<bool> =
            audit.findings.iter().filter_map(|f| f.difference).map(|gap| gap.excludes_zero()).collect();
        let n_apart = gaps.iter().filter(|is_apart| **is_apart).count();
        assert!(n_apart * 5 < gaps.len(), "{name}: {n_apart} of {}", gaps.len());
    }
}

#[test]
fn chat_models_are_told_by_the_metrics_that_move() {
    let Some(folder) = shared() else { return };
    let bands = Bands::shipped().unwrap();
    for name in ["xsum_gpt-4.json", "writing_gpt-3.5-turbo.json"] {
        let [human, made] = continuations(&folder, name);
        let newlines =
            |texts: &[String]| texts.iter().map(|text| text.matches('\n').count() as f64).collect::<Vec<f64>>();
        // Once normalised, line ends tell nothing.
        assert_eq!(auroc(&newlines(&human), &newlines(&made)), Some(0.5));
        let made = Side::new("made", Rows::Text(made));
        let audit =
            audit(&Side::new("human", Rows::Text(human)), &made, &Inputs::default(), &Params::default(), &bands)
                .unwrap();
        let judged = |metric: &str| audit.finding(metric).unwrap().judged.unwrap();
        assert!(judged("c2st_auroc") > 0.9 && judged("sentence_cv") < -0.15 && judged("word_chars") > 0.4, "{name}");
        assert!(judged("compression_ratio") > 0.05 && judged("vendi") < -0.05, "{name}");
        // The two that everybody prints hardly move.
        assert!(judged("self_bleu").abs() < 0.05 && judged("distinct_2").abs() < 0.05, "{name}");
    }
}

#[test]
fn instructions_of_a_real_run_are_audited() {
    let Some(folder) = shared() else { return };
    let read = |name: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.join("data/instruct/ensemble").join(name)).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    let row = |asked: &serde_json::Value, rest: &serde_json::Value| Instruction {
        instruction: text(&asked["instruction"]),
        input: text(&rest["input"]),
        output: text(&rest["output"]),
    };
    let seeds: Vec<Instruction> =
        read("seed_tasks.jsonl").iter().map(|task| row(task, &task["instances"][0])).collect();
    let made: Vec<Instruction> = read("openei.flan-t5-xxl_output.jsonl").iter().map(|task| row(task, task)).collect();
    let seed_texts: Vec<String> = seeds.iter().map(|seed| seed.instruction.clone()).collect();
    let bands = Bands::shipped().unwrap();
    let inputs = Inputs { seeds: &seed_texts, ..Inputs::default() };
    let (human, made) =
        (Side::new("seeds", Rows::Instructions(seeds)), Side::new("flan-t5-xxl", Rows::Instructions(made)));
    let audit = audit(&human, &made, &inputs, &Params::default(), &bands).unwrap();
    let blank = audit.finding("empty_output").unwrap();
    // Two of the 153 recorded outputs are blank.
    assert!((blank.judged.unwrap() - 2.0 / 153.0).abs() < 1e-12);
    let of_output = |metric: &str| {
        audit.findings.iter().find(|finding| finding.metric == metric && finding.field == "output").unwrap()
    };
    assert_eq!(of_output("tail_loops").level, Level::Alarm);
    assert_eq!(of_output("repeated_within").level, Level::Alarm);
}
