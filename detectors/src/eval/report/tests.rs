//! Expectations by hand.

use super::*;

fn row(score: f64, machine: bool, group: u64, domain: &'static str, n_words: usize) -> Scored<'static> {
    Scored { score, machine, group, domain, source: if machine { "gpt" } else { "" }, n_words }
}

fn quick() -> EvalParams {
    let bootstrap = BootstrapParams { n_resamples: 100, ..BootstrapParams::default() };
    EvalParams { target_fprs: vec![0.5], bootstrap, ..EvalParams::default() }
}

/// Two domains whose scores lie on different levels: each is parted perfectly, the pool is not.
fn two_domains() -> Vec<Scored<'static>> {
    let mut rows = Vec::new();
    for i in 0..20_u32 {
        let score = f64::from(i) / 100.0;
        rows.push(row(score, false, u64::from(i), "news", 100));
        rows.push(row(score + 1.0, true, u64::from(i), "news", 100));
        rows.push(row(score + 1.0, false, 100 + u64::from(i), "verse", 200));
        rows.push(row(score + 2.0, true, 100 + u64::from(i), "verse", 200));
    }
    rows
}

#[test]
fn thresholds_are_set_in_each_domain() {
    let report = evaluate(&two_domains(), &quick()).unwrap();
    let all = &report.slices[0];
    // Of four pairs of sides three are won outright; news machine against verse human is a tie in distribution.
    assert_eq!((all.n_human, all.n_machine, all.n_groups), (40, 40, 40));
    assert!((all.auroc.value.unwrap() - 0.875).abs() < 1e-12);
    assert_eq!(all.rates[0].tpr.value, Some(1.0));
    assert_eq!((all.rates[0].realised_fpr, all.rates[0].accuracy), (Some(0.5), Some(0.75)));
    let news = &report.slices[1];
    assert_eq!((news.domain.as_deref(), news.auroc.value), (Some("news"), Some(1.0)));
    let interval = news.auroc.interval.unwrap();
    assert_eq!((interval.low, interval.high), (1.0, 1.0));
}

#[test]
fn slices_are_named_and_in_order() {
    let report = evaluate(&two_domains(), &quick()).unwrap();
    let name = |slice: &Slice| {
        [&slice.domain, &slice.source, &slice.band].map(|key| key.clone().unwrap_or("*".into())).join("/")
    };
    let names: Vec<String> = report.slices.iter().map(name).collect();
    let expected = [
        "*/*/*",
        "news/*/*",
        "verse/*/*",
        "*/gpt/*",
        "*/*/80-149",
        "*/*/150-299",
        "news/gpt/80-149",
        "verse/gpt/150-299",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_source_is_held_against_the_human_text_of_its_domains_only() {
    let mut rows = two_domains();
    rows.push(Scored { source: "claude", ..row(5.0, true, 3, "news", 100) });
    let report = evaluate(&rows, &quick()).unwrap();
    let claude = report.slices.iter().find(|s| s.source.as_deref() == Some("claude")).unwrap();
    assert_eq!((claude.n_human, claude.n_machine), (20, 1));
}

#[test]
fn one_side_gives_counts_only_and_no_rows_one_slice() {
    let report = evaluate(&[row(1.0, false, 1, "news", 10)], &quick()).unwrap();
    assert!(report.slices.iter().all(|s| s.n_human == 1 && s.auroc == Estimate::default()));
    let none = evaluate(&[], &quick()).unwrap();
    assert_eq!((none.slices.len(), none.slices[0].n_groups), (1, 0));
    assert!(evaluate(&[row(f64::NAN, true, 1, "", 1)], &quick()).is_err());
}

#[test]
fn bands_are_half_open() {
    let bands = LengthBands::default();
    assert_eq!([0, 79, 80, 149, 150, 600, 9999].map(|n| bands.of(n)), [0, 0, 1, 1, 2, 4, 4]);
    assert_eq!([0, 1, 4].map(|band| bands.label(band)), ["< 80", "80-149", ">= 600"]);
    assert_eq!((LengthBands::new(vec![]).n_bands(), LengthBands::new(vec![]).label(0)), (1, "all".into()));
}

#[test]
fn the_same_report_comes_from_the_same_rows_and_survives_json() {
    let report = evaluate(&two_domains(), &quick()).unwrap();
    assert_eq!(report, evaluate(&two_domains(), &quick()).unwrap());
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<EvalReport>(&json).unwrap(), report);
    let unknown = serde_json::from_str::<EvalParams>(r#"{"max_fprs": 0.01}"#);
    assert!(unknown.is_err());
}
