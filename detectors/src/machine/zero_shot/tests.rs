//! Scores of an n-gram model's own answers, the workers that must be refused, and the same through a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::executor::block_on;
use gristmill_lm::loopback::{Server, ServerSettings};
use gristmill_lm::ngram::{Ngram, NgramSettings};
use gristmill_lm::{
    Completion, CompletionRequest, Identity, ScoreRequest, Scored, TokenScore, WorkerSettings, Workers,
};
use serde_json::json;

use super::super::scores::{Abstain, Basis};
use super::*;

/// Plain sentences, so that the model has seen the words of the sentence that it is tried with.
const TEXTS: [&str; 6] = [
    "It was the first time that we had seen the whole of the valley. He had not been there before.",
    "The first house that he had seen was the house of the miller, and it was the whole of his world.",
    "She said that it was time. He had seen the mill, the weir and the house of the smith.",
    "It was the whole of the house that he had wanted, and the time was right for it.",
    "That was the first of the two. The time that he had was short, and the house was far.",
    "He had seen it. It was the first time, and the whole of the village knew that he had.",
];
const TEXT: &str =
    "The miller had seen the whole of the house before it was time. He said that it was the first of two.";

fn model() -> Ngram {
    Ngram::fit("q", NgramSettings { cache_order: 1, ..NgramSettings::default() }, TEXTS)
}

fn short() -> ZeroShotParams {
    let arithmetic = ScoreParams { min_tokens: 5, min_gram_words: 1, ..ScoreParams::default() };
    ZeroShotParams { arithmetic, n_perturbed: 6, n_continuations: 3, ..ZeroShotParams::default() }
}

fn prompt(start: &str, _: usize) -> Prompt {
    Prompt::user(start)
}

fn alone(worker: &dyn Worker) -> Witnesses<'_> {
    Witnesses { worker, second: None, prompt: &prompt }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn value(found: &TextScores, name: &str) -> f64 {
    found.outcomes.iter().find(|(score, _)| score.name == name).unwrap().1.unwrap().value
}

#[test]
fn scores_are_those_of_what_the_worker_says() {
    let worker = model();
    let zero_shot = block_on(ZeroShot::new(alone(&worker), &[], short())).unwrap();
    let found = block_on(zero_shot.measure(TEXT)).unwrap();
    assert!(!found.is_cut && found.outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{found:?}");
    let request = ScoreRequest { context: String::new(), text: TEXT.into(), top: 1000 };
    let tokens = block_on(worker.score(&request)).unwrap().tokens;
    let mean = |of: &dyn Fn(&TokenScore) -> f64| tokens.iter().map(of).sum::<f64>() / tokens.len() as f64;
    assert!((value(&found, "log_likelihood") - mean(&|t| t.logprob.unwrap())).abs() < 1e-12);
    assert!((value(&found, "log_rank") + mean(&|t| f64::from(t.rank.unwrap()).ln())).abs() < 1e-12);
    assert!((value(&found, "entropy") + mean(&|t| t.entropy.unwrap())).abs() < 1e-12);
    // Only what costs no further requests is measured unasked.
    assert!(zero_shot.scores().iter().all(|score| !score.needs.generation && !score.needs.perturbation));
    let cut = ZeroShotParams { max_words: 8, ..short() };
    let zero_shot = block_on(ZeroShot::new(alone(&worker), &names(&["log_likelihood"]), cut)).unwrap();
    let cut = block_on(zero_shot.measure(TEXT)).unwrap();
    assert!(cut.is_cut && zero_shot.top() == 0);
    assert!(
        (value(&cut, "log_likelihood") - tokens[..8].iter().map(|t| t.logprob.unwrap()).sum::<f64>() / 8.0) < 1e-12
    );
}

#[test]
fn two_workers_that_are_one_say_what_one_says() {
    let (worker, second) = (model(), model());
    let chosen = names(&["fast_detect_gpt", "binoculars", "log_likelihood", "entropy"]);
    let pair = Witnesses { second: Some(&second), ..alone(&worker) };
    let pair = block_on(ZeroShot::new(pair, &chosen, short())).unwrap();
    let pair = block_on(pair.measure(TEXT)).unwrap();
    let one = block_on(ZeroShot::new(alone(&worker), &names(&["fast_detect_gpt"]), short())).unwrap();
    let one = block_on(one.measure(TEXT)).unwrap();
    assert!((value(&pair, "fast_detect_gpt") - value(&one, "fast_detect_gpt")).abs() < 1e-9);
    let none = block_on(ZeroShot::new(alone(&worker), &chosen, short())).err().unwrap();
    assert_eq!(none, Refusal::NoSecond("binoculars"));
    assert!(none.to_string().contains("second worker"));
}

#[test]
fn copies_and_continuations_are_asked_for_and_repeatable() {
    let worker = model();
    let chosen = names(&["detect_gpt", "npr", "dna_gpt_w", "dna_gpt_b"]);
    let zero_shot = block_on(ZeroShot::new(alone(&worker), &chosen, short())).unwrap();
    let found = block_on(zero_shot.measure(TEXT)).unwrap();
    for (score, outcome) in &found.outcomes {
        let n_texts = if score.needs.perturbation { 6 } else { 3 };
        assert!(outcome.as_ref().is_ok_and(|m| m.n_texts == n_texts), "{}: {outcome:?}", score.name);
    }
    assert_eq!(format!("{found:?}"), format!("{:?}", block_on(zero_shot.measure(TEXT)).unwrap()));
    // A text of no words is abstained from, not failed on.
    let empty = block_on(zero_shot.measure(" \n")).unwrap();
    assert!(empty.outcomes.iter().all(|(_, outcome)| matches!(outcome, Err(Abstain::TooShort { .. }))), "{empty:?}");
}

/// How a server can pretend to score.
#[derive(Clone, Copy)]
enum Lie {
    Zeros,
    Constant,
    OtherTokens,
    OrderBlind,
    NoAlternatives,
    Nothing,
}

struct Liar(Lie, Ngram);

#[async_trait]
impl Worker for Liar {
    fn name(&self) -> &str {
        "liar"
    }
    fn identity(&self) -> Identity {
        self.1.identity()
    }
    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        self.1.complete(request).await
    }
    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        let mut scored = self.1.score(request).await?;
        for (i, token) in scored.tokens.iter_mut().enumerate() {
            match self.0 {
                Lie::Zeros => token.logprob = Some(0.0),
                Lie::Constant => token.logprob = Some(-1.5),
                Lie::OtherTokens => token.token = format!("t{i}"),
                Lie::OrderBlind => token.logprob = Some(-(token.token.len() as f64)),
                Lie::NoAlternatives => (token.top, token.rank) = (Vec::new(), None),
                Lie::Nothing => token.logprob = None,
            }
        }
        Ok(scored)
    }
    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.1.probe().await
    }
}

#[test]
fn a_worker_that_does_not_score_is_refused_before_a_document_is_sent() {
    for (lie, said) in [
        (Lie::Zeros, "all its log-probabilities are zero"),
        (Lie::Constant, "all its log-probabilities are -1.5"),
        (Lie::OtherTokens, "answers those of"),
        (Lie::OrderBlind, "reverse order"),
        (Lie::Nothing, "has no log-probability"),
        (Lie::NoAlternatives, "no alternatives"),
    ] {
        let liar = Liar(lie, model());
        let refusal = block_on(ZeroShot::new(alone(&liar), &names(&["fast_detect_gpt"]), short())).err().unwrap();
        assert!(refusal.to_string().contains(said), "{refusal}");
    }
    // Likelihood needs no alternatives, and n-grams of continuations no log-probabilities.
    let liar = Liar(Lie::NoAlternatives, model());
    assert!(block_on(ZeroShot::new(alone(&liar), &names(&["log_likelihood"]), short())).is_ok());
    let liar = Liar(Lie::Zeros, model());
    assert!(block_on(ZeroShot::new(alone(&liar), &names(&["dna_gpt_b"]), short())).is_ok());
    let unknown = block_on(ZeroShot::new(alone(&liar), &names(&["curvature"]), short())).err().unwrap();
    assert_eq!(unknown, Refusal::Unknown("curvature".into()));
}

#[test]
fn a_model_of_too_little_text_is_refused() {
    let worker = Ngram::fit("tiny", NgramSettings::default(), ["Nothing."]);
    let refusal = block_on(ZeroShot::new(alone(&worker), &names(&["log_likelihood"]), short())).err().unwrap();
    assert!(matches!(refusal, Refusal::NoScores { .. }), "{refusal}");
}

/// The same model behind a server that gives 5 alternatives.
#[test]
fn a_server_gives_the_same_scores_and_what_it_does_not_give_is_bounded() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Server::start(Arc::new(model()), ServerSettings::default()).unwrap();
    let table = json!({ "kind": "openai", "base_url": server.url(), "model": "q" });
    let workers = Workers::new(BTreeMap::from([("s".to_owned(), WorkerSettings::parse(&table).unwrap())]), None);
    let chosen = names(&["log_likelihood", "log_rank", "entropy", "fast_detect_gpt"]);
    let worker = model();
    let exact = block_on(ZeroShot::new(alone(&worker), &chosen, short())).unwrap();
    let exact = block_on(exact.measure(TEXT)).unwrap();
    let served = runtime.block_on(async {
        let remote = workers.open("s", &[]).await?;
        let params = ZeroShotParams { top: Some(5), ..short() };
        let zero_shot = ZeroShot::new(alone(remote.as_ref()), &chosen, params).await.unwrap();
        zero_shot.measure(TEXT).await
    });
    let served = served.unwrap();
    assert!((value(&served, "log_likelihood") - value(&exact, "log_likelihood")).abs() < 1e-6);
    // Not the entropy: the model's own counts all words that it lacks as one outcome, which no list of tokens says.
    let (_, log_rank) = served.outcomes[1];
    let Basis::GeometricTail { estimated_ratio, bounds: Some((low, high)) } = log_rank.unwrap().basis else {
        panic!("{log_rank:?}")
    };
    let truth = value(&exact, "log_rank");
    assert!(estimated_ratio > 0.05 && low <= truth && truth <= high, "{truth} in {low} to {high}");
    assert!(served.outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
}
