//! The audit holds on any text, says why it has no number, and is the same twice.

use crate::artifact::*;

fn small() -> Params {
    Params { n_bootstrap: 40, n_subsamples: 12, mauve_restarts: 2, ..Params::default() }
}

fn texts(texts: &[&str]) -> Rows {
    Rows::Text(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn run(reference: Rows, candidate: Rows, inputs: &Inputs<'_>) -> Audit {
    let bands = Bands::shipped().unwrap();
    audit(&Side::new("human", reference), &Side::new("made", candidate), inputs, &small(), &bands).unwrap()
}

/// Sentences of words drawn from a small vocabulary, so that both sides have something to compare.
fn prose(n: usize, seed: u64) -> Vec<String> {
    let words = [
        "river", "stone", "walks", "the", "of", "and", "old", "house", "sees", "bright", "never", "morning", "a", "it",
        "was",
    ];
    (0..n as u64)
        .map(|doc| {
            let mut draws = draws::Draws::new(seed, "prose", doc);
            let sentence = |draws: &mut draws::Draws| {
                let n_words = 4 + draws.below(9);
                (0..n_words).map(|_| words[draws.below(words.len())]).collect::<Vec<_>>().join(" ") + ". "
            };
            (0..6).map(|_| sentence(&mut draws)).collect::<String>()
        })
        .collect()
}

/// Every finding has a number or a reason, and says it; every number is finite.
fn is_sound(audit: &Audit) {
    for finding in &audit.findings {
        let has_number = finding.candidate.is_some() || finding.between.is_some() || finding.reference.is_some();
        assert!(has_number || finding.cannot.is_some(), "{}", finding.metric);
        assert!(!finding.sentence.is_empty(), "{}", finding.metric);
        assert!(has_number || finding.sentence.contains("cannot be computed because"), "{}", finding.sentence);
        for estimate in
            [finding.reference, finding.candidate, finding.between, finding.difference].into_iter().flatten()
        {
            assert!(estimate.value.is_finite(), "{}", finding.metric);
        }
    }
    let again = Audit::from_json(&audit.to_json().unwrap()).unwrap();
    assert_eq!(&again, audit);
    assert!(markdown(audit, Some(&compare(&again, audit))).contains("No level changed"));
}

#[test]
fn empty_sides_say_why() {
    let all: Vec<fn() -> Rows> = vec![
        || Rows::Text(Vec::new()),
        || Rows::Instructions(Vec::new()),
        || Rows::Dialogues(Vec::new()),
        || Rows::Preferences(Vec::new()),
        || Rows::Labels(Vec::new()),
    ];
    for rows in all {
        let audit = run(rows(), rows(), &Inputs::default());
        is_sound(&audit);
        assert!(audit.findings.iter().all(|finding| finding.level <= Level::Info), "{:?}", audit.level());
    }
}

#[test]
fn a_side_without_a_reference_is_described() {
    let audit = run(texts(&[]), Rows::Text(prose(30, 1)), &Inputs::default());
    is_sound(&audit);
    assert!(audit.finding("compression_ratio").unwrap().candidate.is_some());
    assert!(audit.finding("c2st_auroc").unwrap().cannot.is_some());
    assert!(
        audit.finding("mtld").unwrap().sentence.starts_with("MTLD of made")
            || audit.finding("mtld").unwrap().cannot.is_some()
    );
}

#[test]
fn one_row_and_hostile_text_hold() {
    let long = "word ".repeat(200_000);
    let solid = "x".repeat(1 << 20);
    let hostile = [
        "",
        " ",
        "\0",
        "😀😀😀",
        "א ב ג ד ה",
        "| a | b |\n</script><b>*x*",
        "\u{202e}evil",
        "((((((((",
        "```",
        "a\u{300}\u{300}\u{300}",
        &long,
        &solid,
    ];
    for text in hostile {
        is_sound(&run(texts(&[text]), texts(&[text]), &Inputs::default()));
    }
    is_sound(&run(texts(&hostile), texts(&hostile[..6]), &Inputs::default()));
}

#[test]
fn markup_of_data_stays_text() {
    let audit = run(
        texts(&[]),
        texts(&["<script>alert(1)</script> [your name] **bold** |x| `code`\n# Head"; 30]),
        &Inputs::default(),
    );
    let page = markdown(&audit, None);
    assert!(!page.contains("<script>"));
    assert!(page.contains("&lt;script&gt;"));
    let table = page.lines().filter(|line| line.contains("alert")).all(|line| !line.contains("**bold**"));
    assert!(table);
}

#[test]
fn the_same_audit_twice_is_the_same_bytes() {
    let make = || run(Rows::Text(prose(60, 1)), Rows::Text(prose(80, 2)), &Inputs::default()).to_json().unwrap();
    assert_eq!(make(), make());
}

#[test]
fn like_sides_are_alike_and_copies_are_found() {
    let reference = prose(80, 1);
    let audit = run(Rows::Text(reference.clone()), Rows::Text(prose(80, 2)), &Inputs::default());
    let auroc = audit.finding("c2st_auroc").unwrap().judged.unwrap();
    assert!((0.3..0.7).contains(&auroc), "{auroc}");
    assert_eq!(audit.finding("reference_copies").unwrap().judged, Some(0.0));
    let mut copied = prose(80, 2);
    copied[7] = copied[3].clone();
    copied[9] = reference[5].clone();
    let audit =
        run(Rows::Text(reference.clone()), Rows::Text(copied), &Inputs { seeds: &reference, ..Inputs::default() });
    let near = audit.finding("near_duplicates").unwrap();
    assert_eq!(near.judged, Some(1.0 / 80.0));
    assert_eq!(near.examples[0].row, 7);
    assert_eq!(audit.finding("reference_copies").unwrap().judged, Some(1.0 / 80.0));
    assert!(audit.finding("seed_copies").unwrap().judged.unwrap() >= 1.0 / 80.0);
}

#[test]
fn the_larger_side_is_cut_to_the_smaller() {
    let audit = run(Rows::Text(prose(90, 1)), Rows::Text(prose(40, 2)), &Inputs::default());
    let ratio = audit.finding("compression_ratio").unwrap();
    assert!(ratio.is_size_matched);
    assert_eq!(ratio.reference.map(|estimate| estimate.n), Some(40));
    // As many documents of the same kind compress alike; the 90 would compress better.
    assert!(!ratio.difference.unwrap().excludes_zero() || ratio.difference.unwrap().value.abs() < 0.1);
}

#[test]
fn inputs_of_others_are_told() {
    let probe = LeakProbe {
        scalars: vec![
            LeakScalar { name: "chars".into(), auroc: 0.4, means: [0.0; 2] },
            LeakScalar { name: "newlines".into(), auroc: 0.03, means: [0.0; 2] },
        ],
        remedy: "collapse white space".into(),
    };
    let share = MachineShare { share: 0.4, low: 0.3, high: 0.5, n_docs: 80, detector: "d".into(), is_calibrated: true };
    let eval = [EvalSet { name: "bench".into(), items: prose(80, 2)[..2].to_vec() }];
    let language_of =
        |text: &str| (!text.is_empty()).then(|| if text.contains("river") { "en" } else { "de" }.to_owned());
    let prompts = [prose(80, 2)[4].clone()];
    let inputs = Inputs {
        leak_probe: Some(probe),
        machine_share: Some(share),
        eval_sets: &eval,
        prompts: &prompts,
        language: Some("en"),
        language_of: Some(&language_of),
        ..Inputs::default()
    };
    let audit = run(Rows::Text(prose(80, 1)), Rows::Text(prose(80, 2)), &inputs);
    is_sound(&audit);
    assert_eq!(audit.findings[0].metric, "leak_probe");
    assert!((audit.findings[0].judged.unwrap() - 0.97).abs() < 1e-12);
    assert!(audit.findings[0].sentence.contains("newlines") && audit.findings[0].level == Level::Alarm);
    assert!(markdown(&audit, None).contains("collapse white space"));
    assert_eq!(audit.finding("machine_share").unwrap().judged, Some(0.4));
    assert_eq!(audit.finding("contamination").unwrap().judged, Some(2.0 / 80.0));
    assert_eq!(audit.finding("prompt_leak").unwrap().judged, Some(1.0 / 80.0));
    let n_german = prose(80, 2).iter().filter(|text| !text.contains("river")).count();
    assert_eq!(audit.finding("language_leak").unwrap().judged, Some(n_german as f64 / 80.0));
}

#[test]
fn gates_judge_audits() {
    let probe = LeakProbe {
        scalars: vec![LeakScalar { name: "chars".into(), auroc: 0.9, means: [0.0; 2] }],
        remedy: String::new(),
    };
    let inputs = Inputs { leak_probe: Some(probe), ..Inputs::default() };
    let audit = run(Rows::Text(prose(40, 1)), Rows::Text(prose(40, 2)), &inputs);
    let report = |limits: &str| limits.parse::<Gate>().unwrap().check(&audit);
    assert!(report("leak>0.65").fails() && !report("leak>0.95,near_duplicates>0.05").fails());
    assert_eq!(report("leak>0.65").lines(), ["leak_probe>0.65: the value is 0.9000"]);
    // A metric that was not measured does not pass.
    assert!(report("contamination>0").lines()[0].contains("no evaluation sets were given"));
    assert!(report("swap_consistency<0.5").lines()[0].contains("does not apply to text"));
}

#[test]
fn audits_are_compared() {
    let old = run(Rows::Text(prose(60, 1)), Rows::Text(prose(60, 2)), &Inputs::default());
    let mut repeated = prose(60, 2);
    for at in 0..20 {
        repeated[at + 20] = repeated[at].clone();
    }
    let new = run(Rows::Text(prose(60, 1)), Rows::Text(repeated), &Inputs::default());
    let comparison = compare(&old, &new);
    assert!(comparison.worsened().any(|change| change.metric == "near_duplicates"));
    assert!(comparison.cautions.is_empty() && comparison.vanished.is_empty());
    let change = comparison.changes.iter().find(|change| change.metric == "near_duplicates").unwrap();
    assert!((change.difference.unwrap() - 20.0 / 60.0).abs() < 1e-12 && change.is_beyond_chance == Some(true));
    assert!(markdown(&new, Some(&comparison)).contains("Since the older audit"));
    let other = run(Rows::Text(prose(60, 3)), Rows::Text(prose(200, 2)), &Inputs::default());
    assert_eq!(compare(&old, &other).cautions.len(), 2);
}

#[test]
fn slices_are_told_apart() {
    let mut made = Side::new("made", Rows::Text(prose(60, 2)));
    made.slices = (0..60).map(|at| if at % 2 == 0 { "even" } else { "odd" }.to_owned()).collect();
    let bands = Bands::shipped().unwrap();
    let human = Side::new("human", Rows::Text(prose(60, 1)));
    let audit = audit(&human, &made, &Inputs::default(), &small(), &bands).unwrap();
    let slices = &audit.finding("word_chars").unwrap().slices;
    assert_eq!(
        slices.iter().map(|slice| (slice.slice.as_str(), slice.n)).collect::<Vec<_>>(),
        [("even", 30), ("odd", 30)]
    );
    assert!(markdown(&audit, None).contains("| metric | even (30) | odd (30) |"));
}

#[test]
fn abuse_and_impossible_dates_are_counted_by_text() {
    let made = [
        "You are an idiot.",
        "Born on 30 February 1990, died on May 1, 2000.",
        "Shut up! Shut up!",
        "Nothing, on 2024-01-31.",
    ];
    let audit = run(texts(&["A calm text of 1 May 1990."]), texts(&made), &Inputs::default());
    assert_eq!(audit.finding("toxicity").unwrap().judged, Some(0.5));
    assert_eq!(audit.finding("invalid_dates").unwrap().judged, Some(1.0 / 3.0));
    assert_eq!(audit.finding("invalid_dates").unwrap().examples[0].text, "30 February 1990");
    assert_eq!(audit.finding("invalid_dates").unwrap().reference.unwrap().value, 0.0);
}

#[test]
fn held_out_rows_that_stand_in_train_are_found() {
    let copied = "one two three four five six seven eight nine ten eleven twelve thirteen";
    let mut made = Side::new(
        "made",
        texts(&[
            copied,
            "a wholly other text of some length that nobody has seen before in any place",
            &format!("before it {copied} after it, and then so much more that the two texts are not alike any longer"),
            "another text that was never read, though it stands in the split for tests",
            copied,
        ]),
    );
    let bands = Bands::shipped().unwrap();
    let judge = |made: &Side| {
        let audit = audit(&Side::new("human", texts(&[])), made, &Inputs::default(), &small(), &bands).unwrap();
        let finding = audit.finding("split_overlap").unwrap();
        (finding.judged, finding.cannot.clone().unwrap_or_default())
    };
    assert!(judge(&made).1.contains("no column"));
    // Of three held-out rows one holds a run of a row of train and one is a copy.
    made.splits = ["train", "train", "test", "test", "dev"].map(str::to_owned).to_vec();
    assert_eq!(judge(&made).0, Some(2.0 / 3.0));
    made.splits = vec!["train".to_owned(); 5];
    assert!(judge(&made).1.contains("one split"));
}

#[test]
fn topics_that_texts_crowd_into_have_less_entropy() {
    let topic = |at: usize| {
        ["river water boat fish", "stock price bank fund", "goal match team ball", "oven flour bread salt"][at]
    };
    let text = |at: usize, of: usize| format!("{} {} number {}", topic(at % of), topic(at % of), at % 3);
    let human: Vec<String> = (0..80).map(|at| text(at, 4)).collect();
    let made: Vec<String> = (0..80).map(|at| text(at, 1)).collect();
    let audit = run(Rows::Text(human), Rows::Text(made), &Inputs::default());
    let finding = audit.finding("topic_entropy").unwrap();
    // Four topics of equal size are two bits at least; one topic may be parted into a few clusters of its own.
    assert!(finding.reference.unwrap().value > 1.99, "{finding:?}");
    assert!(finding.judged.unwrap() < -0.3, "{finding:?}");
}

#[test]
fn what_is_wrong_with_the_sides_is_told() {
    let bands = Bands::shipped().unwrap();
    let (text, labels) = (Side::new("a", texts(&[])), Side::new("b", Rows::Labels(Vec::new())));
    let told = audit(&text, &labels, &Inputs::default(), &small(), &bands).unwrap_err().to_string();
    assert!(told.contains("text") && told.contains("labels"), "{told}");
    let mut sliced = Side::new("c", texts(&["x", "y"]));
    sliced.slices = vec!["one".into()];
    let told = audit(&text, &sliced, &Inputs::default(), &small(), &bands).unwrap_err().to_string();
    assert!(told.contains("1 slices for 2 rows"), "{told}");
}
