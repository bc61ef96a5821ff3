//! Labels, preferences, instructions and dialogues, on rows whose figures can be counted by hand.

use crate::artifact::*;

fn params() -> Params {
    Params { n_bootstrap: 60, n_subsamples: 12, mauve_restarts: 2, ..Params::default() }
}

fn run(reference: Rows, candidate: Rows, inputs: &Inputs<'_>) -> Audit {
    let bands = Bands::shipped().unwrap();
    audit(&Side::new("human", reference), &Side::new("made", candidate), inputs, &params(), &bands).unwrap()
}

fn judged(audit: &Audit, metric: &str) -> f64 {
    let finding = audit.finding(metric).unwrap();
    finding.judged.unwrap_or_else(|| panic!("{metric}: {:?}", finding.cannot))
}

fn values(audit: &Audit, metric: &str) -> [f64; 2] {
    let finding = audit.finding(metric).unwrap();
    [finding.reference.unwrap().value, finding.candidate.unwrap().value]
}

/// Items with the labels of annotators, written as words.
fn labels(items: &[&str], text: impl Fn(usize) -> String) -> Rows {
    let of_item = |(at, labels): (usize, &&str)| {
        let text = text(at);
        let row = |(annotator, label): (usize, &str)| LabelRow {
            item: format!("i{at:03}"),
            annotator: format!("a{annotator}"),
            label: label.to_owned(),
            text: text.clone(),
        };
        labels.split(' ').enumerate().map(row).collect::<Vec<_>>()
    };
    Rows::Labels(items.iter().enumerate().flat_map(of_item).collect())
}

#[test]
fn labels_by_hand() {
    let human = labels(&["bad bad good", "good good good", "bad ok good", "ok ok bad"], |_| String::new());
    let made = labels(&["bad bad bad", "good good good", "ok ok ok", "bad bad bad"], |_| String::new());
    let order: Vec<String> = ["bad", "ok", "good"].map(str::to_owned).to_vec();
    let audit = run(human, made, &Inputs { label_order: &order, ..Inputs::default() });
    // Human: bad 4, ok 3, good 5 of 12; made: bad 6, ok 3, good 3.
    assert_eq!(values(&audit, "unanimity"), [0.25, 1.0]);
    assert_eq!(values(&audit, "minority_mass"), [5.0 / 12.0, 0.0]);
    // Minority labels: good (item 0), bad ok good (item 2), bad (item 3): made gives ok of item 2 and bad of item 3.
    assert!((judged(&audit, "minority_recall") - 2.0 / 5.0).abs() < 1e-12);
    // Majorities: bad, good, all three, ok against bad, good, ok, bad.
    assert!((judged(&audit, "majority_match") - 0.75).abs() < 1e-12);
    // Distinct labels by item 2, 1, 3, 2; given by made too: bad, good, ok, bad.
    assert!((judged(&audit, "label_coverage") - 4.0 / 8.0).abs() < 1e-12);
    // W1 = |4 - 6| / 12 + |7 - 9| / 12.
    assert!((judged(&audit, "label_distance") - 4.0 / 12.0).abs() < 1e-12);
    // chi-square of (4 3 5) and (6 3 3): (1 + 1) / 5 + 0 + (1 + 1) / 4 = 0.9; V = sqrt(0.9 / 24).
    assert!((judged(&audit, "label_chi_square") - (0.9f64 / 24.0).sqrt()).abs() < 1e-12);
    // Decided on both sides: items 0, 1, 3: agree, agree, ok becomes bad. p_o 2/3; p_e = (1*2 + 1*1 + 1*0) / 9 = 1/3.
    assert!((judged(&audit, "cohen_kappa") - 0.5).abs() < 1e-12);
    assert_eq!(values(&audit, "alpha_nominal")[1], 1.0);
    assert!(audit.finding("cohen_kappa").unwrap().details.iter().any(|line| line.label == "items: ok becomes bad"));
}

#[test]
fn labels_that_teach_nothing_are_seen() {
    let classes = ["bad", "good"];
    let text = |at: usize| format!("{} story number {}", ["gloomy rain", "sunny joy"][at % 2], ["x", "y", "z"][at % 3]);
    let right: Vec<&str> = (0..120).map(|at| classes[at % 2]).collect();
    let random: Vec<&str> = (0..120).map(|at| classes[(at / 2) % 2]).collect();
    let audit = run(labels(&right, text), labels(&random, text), &Inputs::default());
    let [reference, candidate] = values(&audit, "label_transfer");
    assert!(reference == 1.0 && (0.2..0.8).contains(&candidate), "{reference} {candidate}");
    assert_eq!(audit.finding("label_transfer").unwrap().level, Level::Alarm);
    assert!(audit.finding("alpha_ordinal").unwrap().cannot.as_ref().unwrap().contains("order"));
}

fn pair(prompt: usize, a: &str, b: &str, winner: Winner) -> Preference {
    let [a, b] = [a, b].map(str::to_owned);
    Preference { prompt: format!("p{prompt}"), a, b, winner, order_known: true, ..Preference::default() }
}

#[test]
fn preferences_by_hand() {
    let human = vec![
        pair(0, "short one", "a longer answer", Winner::A),
        pair(1, "a longer answer", "short one", Winner::B),
        pair(2, "- a list of things", "plain words they are", Winner::B),
        pair(3, "I'm sorry, but I cannot", "certainly it is so here", Winner::B),
    ];
    let made = vec![
        pair(0, "short one", "a longer answer", Winner::B),
        pair(0, "a longer answer", "short one", Winner::B),
        pair(1, "a longer answer", "short one", Winner::A),
        pair(1, "short one", "a longer answer", Winner::B),
        pair(2, "same size", "other size", Winner::Tie),
        pair(3, "I'm sorry, but I cannot", "certainly it is so here", Winner::A),
    ];
    let audit = run(Rows::Preferences(human), Rows::Preferences(made), &Inputs::default());
    assert_eq!(values(&audit, "tie_rate"), [0.0, 1.0 / 6.0]);
    assert_eq!(values(&audit, "position_bias"), [0.25, 2.0 / 5.0]);
    // Swapped pairs of made: p0 longer then short (unsteady, leans to the second); p1 longer twice.
    assert_eq!(audit.finding("swap_consistency").unwrap().candidate.unwrap().value, 0.5);
    assert_eq!(audit.finding("swap_consistency").unwrap().details[0].candidate, Some(0.0));
    // Of unlike lengths (words with letters): human 4 pairs (p2: 4 and 4 are alike) so p0 no, p1 no, p3 alike; made p0 yes no, p1 yes yes.
    assert_eq!(values(&audit, "length_bias"), [0.0, 0.75]);
    assert_eq!(values(&audit, "refusal_bias"), [0.0, 1.0]);
    assert_eq!(audit.finding("markdown_bias").unwrap().reference.unwrap().value, 0.0);
    // Both judged p0 (both orders), p1 (both orders), p3.
    assert_eq!(audit.finding("preference_kappa").unwrap().between.unwrap().n, 5);
    assert!(audit.finding("cycle_share").unwrap().cannot.is_some());
}

#[test]
fn preference_models_transfer_or_do_not() {
    let row = |at: usize, likes: &str| {
        let (good, bad) = (format!("{likes} answer {}", at % 7), format!("plain reply {}", at % 5));
        if at.is_multiple_of(2) { pair(at, &good, &bad, Winner::A) } else { pair(at, &bad, &good, Winner::B) }
    };
    let human: Vec<Preference> = (0..80).map(|at| row(at, "honest")).collect();
    let turned: Vec<Preference> = (0..80)
        .map(|at| {
            let right = row(at, "honest");
            Preference { winner: if right.winner == Winner::A { Winner::B } else { Winner::A }, ..right }
        })
        .collect();
    let audit = run(Rows::Preferences(human), Rows::Preferences(turned), &Inputs::default());
    assert_eq!(values(&audit, "preference_transfer"), [1.0, 0.0]);
    // Each side has one outcome for all pairs, and they are opposite: no agreement, and none by chance.
    assert!(judged(&audit, "preference_kappa").abs() < 1e-12);
}

fn instruction(instruction: &str, input: &str, output: &str) -> Instruction {
    Instruction { instruction: instruction.into(), input: input.into(), output: output.into() }
}

#[test]
fn instructions_by_hand() {
    let human = vec![
        instruction("Write a poem about the sea.", "", "The sea is wide and it is blue."),
        instruction("What is 2 + 2?", "", "2 + 2 = 4."),
    ];
    let made = vec![
        instruction("Summarise the following article.", "", "An article about things."),
        instruction("Is it red or blue?", "", "red"),
        instruction("Describe the attached image.", "", ""),
        instruction("What is 3 x 3?", "", "3 x 3 = 8."),
    ];
    let verb_noun = |text: &str| {
        let mut words = text.split([' ', '.', '?']);
        Some((words.next()?.to_lowercase(), words.nth(1)?.to_owned())).filter(|pair| !pair.1.is_empty())
    };
    let audit = run(
        Rows::Instructions(human),
        Rows::Instructions(made),
        &Inputs { verb_noun_of: Some(&verb_noun), ..Inputs::default() },
    );
    assert_eq!(values(&audit, "missing_input"), [1.0, 1.0]);
    assert_eq!(judged(&audit, "input_mismatch"), 0.25);
    assert_eq!(judged(&audit, "unanswerable"), 0.25);
    assert_eq!(judged(&audit, "empty_output"), 0.25);
    assert_eq!(judged(&audit, "wrong_by_rule"), 1.0);
    assert_eq!(values(&audit, "question_instructions"), [0.5, 0.5]);
    assert_eq!(values(&audit, "imperative_instructions")[0], 0.5);
    assert_eq!(audit.finding("output_leaked").unwrap().candidate.unwrap().value, 0.5);
    assert!(audit.finding("verb_noun_pairs").unwrap().candidate.is_some());
    assert!(audit.finding("novel_names").unwrap().cannot.is_some());
    // Text measures are taken of each field.
    for field in ["instruction", "output", "input"] {
        assert!(audit.findings.iter().any(|finding| finding.metric == "pii" && finding.field == field));
    }
}

#[test]
fn names_that_no_input_holds_are_counted() {
    let row = |output: &str| instruction("Who wrote it?", "A letter of Ann Lee from 1998.", output);
    let audit = run(
        Rows::Instructions(vec![row("It was Ann Lee in 1998.")]),
        Rows::Instructions(vec![
            row("It was Ann Ray in 1999."),
            row("No one."),
            instruction("Say Rome.", "", "In Rome."),
        ]),
        &Inputs::default(),
    );
    // Ann, Lee and 1998 are given; Ray and 1999 of three are not. A row without input does not count.
    assert_eq!(values(&audit, "novel_names"), [0.0, 2.0 / 3.0]);
}

fn dialogue(turns: &[(&str, &str)]) -> Dialogue {
    Dialogue { turns: turns.iter().map(|(role, text)| Turn { role: (*role).into(), text: (*text).into() }).collect() }
}

#[test]
fn dialogues_by_hand() {
    let human = vec![dialogue(&[
        ("user", "How do I bake bread today?"),
        ("assistant", "Mix flour and water."),
        ("user", "Thank you, flour it is."),
    ])];
    let made = vec![
        dialogue(&[
            ("user", "Instruction: bake."),
            ("assistant", "Instruction: you bake."),
            ("user", "Goodbye!"),
            ("assistant", "Goodbye!"),
            ("user", "bye"),
        ]),
        dialogue(&[
            ("user", "Tell me about the moon please."),
            ("user", "Tell me about the moon please."),
            ("assistant", "It is far."),
        ]),
    ];
    let audit = run(Rows::Dialogues(human), Rows::Dialogues(made), &Inputs::default());
    assert_eq!(values(&audit, "turns_per_dialogue"), [3.0, 4.0]);
    assert_eq!(judged(&audit, "role_flips"), 0.5);
    // Six successions in made, one of which is by the same role.
    assert!((values(&audit, "self_replies")[1] - 1.0 / 6.0).abs() < 1e-12);
    assert_eq!(judged(&audit, "closing_loops"), 0.5);
    assert!(values(&audit, "repeated_turns")[1] > 0.0);
    assert!((values(&audit, "turn_questions")[0] - 1.0 / 3.0).abs() < 1e-12);
    assert!(audit.finding("role_transfer").unwrap().cannot.is_some());
}

#[test]
fn endings_and_personas_by_hand() {
    let human =
        vec![dialogue(&[("user", "Hi, my name is Ann."), ("assistant", "Hello Ann."), ("user", "Goodbye then.")])];
    let made = vec![
        dialogue(&[
            ("user", "My name is Bob, I'm 30."),
            ("assistant", "Noted."),
            ("user", "I am 31 years old. Is it late?"),
        ]),
        dialogue(&[
            ("user", "Tell me of the far moon."),
            ("assistant", "It is far."),
            ("user", "Tell me of the far moon!"),
        ]),
        dialogue(&[("user", "Go on."), ("assistant", "And so it came to pass that the")]),
        dialogue(&[("user", "My name's Cy."), ("assistant", "Yes. <CAMEL_TASK_DONE>")]),
        dialogue(&[("user", "My name's Di."), ("assistant", "My name is Ed."), ("user", "Fine it is.")]),
    ];
    let audit = run(Rows::Dialogues(human), Rows::Dialogues(made), &Inputs::default());
    // Made: a question, a repeat and a cut turn; a marker and a plain end.
    assert_eq!(values(&audit, "stops_midway"), [0.0, 0.6]);
    let endings: Vec<Option<f64>> =
        audit.finding("stops_midway").unwrap().details.iter().map(|line| line.candidate).collect();
    assert_eq!(endings, [0.2, 0.0, 0.2, 0.2, 0.2, 0.2].map(Some));
    // Three dialogues of made state something; Bob gives two ages, and Di and Ed are two speakers.
    assert!((judged(&audit, "persona_contradictions") - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(values(&audit, "persona_contradictions")[0], 0.0);
}

#[test]
fn digression_and_roles_are_learnt() {
    let talk = |at: usize, off: &str| {
        let topic = ["bread flour oven dough yeast", "moon orbit tide gravity crater"][at % 2];
        let ask = format!("please explain {topic} to me");
        let tell = format!("certainly {topic} works thus");
        let more = format!("please say again {topic}");
        dialogue(&[("user", &ask), ("assistant", &tell), ("user", &more), ("assistant", off)])
    };
    let on: Vec<Dialogue> = (0..40).map(|at| talk(at, "certainly bread flour oven moon orbit tide")).collect();
    let off: Vec<Dialogue> = (0..40).map(|at| talk(at, "zebra quartz violin kettle harbour meadow")).collect();
    let audit = run(Rows::Dialogues(on), Rows::Dialogues(off), &Inputs::default());
    let [human, made] = values(&audit, "digression");
    assert!(human < 0.05 && (made - 0.5).abs() < 1e-12, "{human} {made}");
    assert!(values(&audit, "role_transfer")[0] > 0.95);
    assert!(audit.finding("digression").unwrap().level >= Level::Watch);
}
