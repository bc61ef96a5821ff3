//! `kind = "ngram"`: the embedded worker, a language model without weights, server or network.
//!
//! It lets every recipe run end to end on a fresh machine: a modified Kneser-Ney model of given documents, with the
//! prompt as a cache on top, so that a reply follows the form of the examples in the prompt. Its texts are poor and
//! reports say so. What it is exact in: log-probabilities, seeds (a reply is a function of the fitted documents and
//! the request) and token counts.

mod cache;
mod draw;
mod embed;
mod model;
mod tokens;

use std::collections::HashMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Failure, WorkerError};
use crate::request::{
    Completion, CompletionRequest, EmbedRequest, Embedded, Finish, Identity, ScoreRequest, Scored, Shape, TokenScore,
};
use crate::worker::{Capabilities, Worker};
use cache::Cache;
use draw::{Draws, draw};
use model::{Counts, Model};
use tokens::{END, START, Token, tokens};

/// How the model is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NgramSettings {
    /// Longest n-gram, in tokens, 1 to 16.
    pub order: usize,
    /// Longest context that is looked up in the prompt, in tokens, at least 1.
    pub cache_order: usize,
    /// Stop fitting after this many tokens: bounds memory at about 150 bytes per token and order.
    pub max_fit_tokens: usize,
}

impl Default for NgramSettings {
    fn default() -> Self {
        Self { order: 3, cache_order: 2, max_fit_tokens: 1_000_000 }
    }
}

/// The embedded worker.
#[derive(Debug)]
pub struct Ngram {
    name: String,
    model: Model,
    settings: NgramSettings,
}

impl Ngram {
    /// Fits a model on documents, in the order given. No documents make a model that knows the prompt only.
    pub fn fit<'a>(name: &str, settings: NgramSettings, documents: impl IntoIterator<Item = &'a str>) -> Self {
        let mut counts = Counts::new(settings.order.clamp(1, 16));
        for document in documents {
            counts.add(document);
            if counts.n_tokens() >= settings.max_fit_tokens {
                break;
            }
        }
        Self { name: name.to_owned(), model: counts.fit(), settings }
    }

    /// Number of tokens the model was fitted on.
    pub fn n_tokens(&self) -> usize {
        self.model.n_tokens
    }

    fn position(&self) -> Position<'_> {
        Position {
            model: &self.model,
            novel: Vec::new(),
            numbers: HashMap::new(),
            cache: Cache::new(self.settings.cache_order.max(1)),
        }
    }
}

/// A place in a text: what came before, and the tokens the model lacks.
struct Position<'a> {
    model: &'a Model,
    /// Tokens of this text that the vocabulary lacks; they are numbered after it.
    novel: Vec<String>,
    numbers: HashMap<String, Token>,
    cache: Cache,
}

impl<'a> Position<'a> {
    fn number(&mut self, text: &str) -> Token {
        if let Some(token) = self.model.vocabulary.get(text).or_else(|| self.numbers.get(text).copied()) {
            return token;
        }
        let token = (self.model.vocabulary.len() + self.novel.len()) as Token;
        self.novel.push(text.to_owned());
        self.numbers.insert(text.to_owned(), token);
        token
    }

    fn push(&mut self, token: Token) {
        let is_number = self.text(token).trim_start().bytes().all(|byte| byte.is_ascii_digit());
        self.cache.push(token, is_number && !self.text(token).trim().is_empty());
    }

    fn text(&self, token: Token) -> &str {
        match (token as usize).checked_sub(self.model.vocabulary.len()) {
            Some(at) => &self.novel[at],
            None => self.model.vocabulary.text(token),
        }
    }

    fn base(&self, token: Token) -> f64 {
        match (token as usize).checked_sub(self.model.vocabulary.len()) {
            Some(at) => self.model.novel_probability(self.cache.history(), &self.novel[at]),
            None => self.model.probability(self.cache.history(), token),
        }
    }

    /// Natural logarithm of the probability of `token` here.
    fn logprob(&self, token: Token) -> f64 {
        let p = self.cache.evidence().iter().fold(self.base(token), |shorter, evidence| {
            let (backoff, unit) = cache::weights(evidence);
            let seen = evidence.iter().find(|(t, _)| *t == token).map_or(0.0, |(_, count)| f64::from(*count));
            backoff * shorter + unit * seen
        });
        p.max(f64::MIN_POSITIVE).ln()
    }

    /// The probabilities of all known tokens and of the text's own.
    fn distribution(&self, out: &mut Vec<f64>) {
        self.model.distribution(self.cache.history(), out);
        for novel in &self.novel {
            out.push(self.model.novel_probability(self.cache.history(), novel));
        }
        for evidence in self.cache.evidence() {
            let (backoff, unit) = cache::weights(&evidence);
            for p in out.iter_mut() {
                *p *= backoff;
            }
            for (token, count) in evidence {
                out[token as usize] += unit * f64::from(count);
            }
        }
        out[START as usize] = 0.0;
    }
}

/// Where the first stop text begins, if one is there.
fn stop_at(text: &str, from: usize, stops: &[String]) -> Option<usize> {
    let longest = stops.iter().map(String::len).max()?;
    let mut start = from.saturating_sub(longest);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text[start..].find(stop.as_str()))
        .min()
        .map(|at| start + at)
}

#[async_trait]
impl Worker for Ngram {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> Identity {
        let NgramSettings { order, cache_order, .. } = self.settings;
        Identity {
            kind: "ngram".into(),
            model: format!("modified-kneser-ney-{order}+cache-{cache_order}"),
            revision: self.model.revision.clone(),
        }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        if let Some(Shape::Grammar(_) | Shape::Regex(_) | Shape::JsonSchema(_)) = &request.shape {
            let cause = "the n-gram worker cannot be held to a schema, a pattern or a grammar";
            return Err(WorkerError::new(&self.name, Failure::Unsupported, cause));
        }
        let started = std::time::Instant::now();
        let prompt = request.prompt.plain();
        let mut position = self.position();
        position.push(START);
        let mut prompt_tokens = 0;
        for token in tokens(&prompt) {
            let token = position.number(token);
            position.push(token);
            prompt_tokens += 1;
        }
        let mut completion = match &request.shape {
            Some(Shape::Choice(choices)) => self.choose(&position, choices),
            _ => generate(position, request, self.seed(request)),
        };
        completion.prompt_tokens = prompt_tokens;
        completion.model = self.identity().model;
        completion.latency_ms = started.elapsed().as_millis() as u64;
        Ok(completion)
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        let mut position = self.position();
        position.push(START);
        for token in tokens(&request.context) {
            let token = position.number(token);
            position.push(token);
        }
        let mut all = Vec::new();
        let mut scores = Vec::new();
        for text in tokens(&request.text) {
            let token = position.number(text);
            let logprob = position.logprob(token);
            let mut score = TokenScore {
                token: text.to_owned(),
                logprob: Some(logprob),
                rank: None,
                top: Vec::new(),
                entropy: None,
            };
            if request.top > 0 {
                position.distribution(&mut all);
                describe(&position, &all, token, request.top, &mut score);
            }
            scores.push(score);
            position.push(token);
        }
        Ok(Scored { tokens: scores, full: false, cached: false })
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        let vector = embed::embedding(&request.text, request.dimensions);
        Ok(Embedded { vector, prompt_tokens: tokens(&request.text).count() as u64, cached: false })
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        Ok(Capabilities {
            models: vec![self.identity().model],
            text: true,
            chat: true,
            reply_logprobs: true,
            score: true,
            embeddings: true,
            full_distribution: true,
            seed: true,
            notes: vec![
                "embedded n-gram model: its texts are poor, its log-probabilities exact, its embeddings hashed words"
                    .into(),
            ],
            ..Capabilities::default()
        })
    }
}

impl Ngram {
    /// The seed of a request's draws: its key, so that another sample or prompt draws differently.
    fn seed(&self, request: &CompletionRequest) -> u64 {
        let key = request.key(&self.identity());
        xxh3_64_with_seed(key.as_bytes(), request.sampling.seed.unwrap_or(0))
    }

    /// The likeliest of given replies, by mean log-probability per token.
    fn choose(&self, position: &Position<'_>, choices: &[String]) -> Completion {
        let score = |choice: &String| {
            let mut here = self.position();
            for token in position.cache.history() {
                let text = position.text(*token).to_owned();
                let token = if *token == START { START } else { here.number(&text) };
                here.push(token);
            }
            let (mut sum, mut n) = (0.0, 0.0);
            for text in tokens(choice) {
                let token = here.number(text);
                sum += here.logprob(token);
                n += 1.0;
                here.push(token);
            }
            if n > 0.0 { sum / n } else { f64::NEG_INFINITY }
        };
        let scored = choices.iter().map(|choice| (score(choice), choice));
        let best = scored.fold(None, |best: Option<(f64, &String)>, (score, choice)| match best {
            Some((top, _)) if top >= score => best,
            _ => Some((score, choice)),
        });
        let text = best.map(|(_, choice)| choice.clone()).unwrap_or_default();
        reply(tokens(&text).count() as u64, text.clone(), Finish::Stop, None)
    }
}

fn reply(completion_tokens: u64, text: String, finish: Finish, tokens: Option<Vec<TokenScore>>) -> Completion {
    Completion {
        text,
        finish,
        prompt_tokens: 0,
        completion_tokens,
        tokens,
        model: String::new(),
        latency_ms: 0,
        attempts: 1,
        cached: false,
        routed: None,
    }
}

fn generate(mut position: Position<'_>, request: &CompletionRequest, seed: u64) -> Completion {
    let sampling = &request.sampling;
    let mut draws = Draws::new(seed);
    let (mut text, mut weights, mut n) = (String::new(), Vec::new(), 0u64);
    let mut scores: Option<Vec<TokenScore>> = request.top_logprobs.map(|_| Vec::new());
    let mut used: std::collections::BTreeMap<Token, f64> = std::collections::BTreeMap::new();
    let finish = loop {
        if n >= u64::from(sampling.max_tokens) {
            break Finish::Length;
        }
        position.distribution(&mut weights);
        let known = weights.clone();
        for (token, count) in &used {
            let penalty = sampling.presence_penalty + sampling.frequency_penalty * count;
            weights[*token as usize] *= (-penalty).exp();
        }
        if sampling.min_tokens.is_some_and(|least| n < u64::from(least)) {
            weights[END as usize] = 0.0;
        }
        let token = draw(&mut weights, sampling, &mut draws);
        if token == END {
            break Finish::Stop;
        }
        *used.entry(token).or_insert(0.0) += 1.0;
        let from = text.len();
        text.push_str(position.text(token));
        n += 1;
        if let Some(scores) = &mut scores {
            let mut score = TokenScore {
                token: position.text(token).to_owned(),
                logprob: Some(position.logprob(token)),
                rank: None,
                top: Vec::new(),
                entropy: None,
            };
            describe(&position, &known, token, request.top_logprobs.unwrap_or(0), &mut score);
            scores.push(score);
        }
        if let Some(end) = stop_at(&text, from, &sampling.stop) {
            text.truncate(end);
            break Finish::Stop;
        }
        position.push(token);
    };
    reply(n, text, finish, scores)
}

/// Rank, likeliest tokens and entropy of a position; what is left for tokens never seen counts as one outcome.
fn describe(position: &Position<'_>, all: &[f64], token: Token, top: u32, score: &mut TokenScore) {
    let own = all[token as usize];
    score.rank = Some(1 + all.iter().filter(|p| **p > own).count() as u32);
    let rest = (1.0 - all.iter().sum::<f64>()).max(0.0);
    let entropy: f64 = all.iter().chain([&rest]).filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    score.entropy = Some(entropy);
    let mut likeliest: Vec<usize> = (0..all.len()).filter(|t| all[*t] > 0.0).collect();
    likeliest.sort_unstable_by(|a, b| all[*b].total_cmp(&all[*a]).then(a.cmp(b)));
    likeliest.truncate(top as usize);
    score.top = likeliest.into_iter().map(|t| (position.text(t as Token).to_owned(), all[t].ln())).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Prompt, Sampling};

    fn worker() -> Ngram {
        let documents = ["The cat sat on the mat.", "The dog sat on the log.", "A cat and a dog met on the road."];
        Ngram::fit("local", NgramSettings::default(), documents)
    }

    fn ask(worker: &Ngram, request: &CompletionRequest) -> Completion {
        futures::executor::block_on(worker.complete(request)).unwrap()
    }

    fn warm(prompt: &str) -> CompletionRequest {
        let sampling = Sampling { temperature: 1.0, max_tokens: 40, ..Sampling::default() };
        CompletionRequest::new(Prompt::Text(prompt.into()), sampling)
    }

    #[test]
    fn a_reply_depends_on_the_request_and_on_nothing_else() {
        let worker = worker();
        assert_eq!(ask(&worker, &warm("The")).text, ask(&worker, &warm("The")).text);
        let samples: std::collections::BTreeSet<String> =
            (0..8).map(|sample| ask(&worker, &warm("The").with_sample(sample)).text).collect();
        assert!(samples.len() > 1);
    }

    #[test]
    fn the_prompt_is_followed_before_the_fitted_documents() {
        let greedy = Sampling { max_tokens: 3, ..Sampling::default() };
        let prompt = "1. zork blat fnord\n2. zork blat fnord\n3. zork";
        let text = ask(&worker(), &CompletionRequest::new(Prompt::Text(prompt.into()), greedy)).text;
        assert_eq!(text, " blat fnord\n");
    }

    #[test]
    fn stop_texts_end_a_reply_and_are_not_part_of_it() {
        let mut request = warm("The cat sat on the");
        request.sampling.temperature = 0.0;
        request.sampling.stop = vec!["at.".into()];
        let reply = ask(&worker(), &request);
        assert_eq!((reply.text.as_str(), reply.finish), (" m", Finish::Stop));
    }

    #[test]
    fn scores_add_up_to_the_probability_of_the_text_and_name_every_token() {
        let worker = worker();
        let score = |context: &str, text: &str| {
            let request = ScoreRequest { context: context.into(), text: text.into(), top: 3 };
            futures::executor::block_on(worker.score(&request)).unwrap().tokens
        };
        let whole = score("", "The cat met a unicorn.");
        assert_eq!(whole.iter().map(|token| token.token.as_str()).collect::<String>(), "The cat met a unicorn.");
        let tail = score("The cat", " met a unicorn.");
        for (a, b) in whole[2..].iter().zip(&tail) {
            assert_eq!(a, b);
        }
        assert!(whole.iter().all(|t| t.logprob.is_some_and(|p| p <= 0.0 && p.is_finite()) && t.entropy.is_some()));
        // The likeliest token of a position has rank 1 and is the first of the alternatives.
        let the = score("The dog sat on", " the").remove(0);
        assert_eq!((the.rank, the.top[0].0.as_str()), (Some(1), " the"));
    }

    #[test]
    fn a_choice_is_one_of_those_given() {
        let mut request = warm("Is it a cat? yes\nIs it a dog? yes\nIs it?");
        request.shape = Some(Shape::Choice(vec![" no".into(), " yes".into()]));
        assert_eq!(ask(&worker(), &request).text, " yes");
    }

    #[test]
    fn hostile_texts_have_finite_scores() {
        let worker = worker();
        for text in ["", "\u{0}", "🙂🙂🙂", &"x".repeat(100_000), "مرحبا بالعالم"] {
            let request = ScoreRequest { context: String::new(), text: text.into(), top: 0 };
            let scored = futures::executor::block_on(worker.score(&request)).unwrap();
            assert!(scored.tokens.iter().all(|token| token.logprob.is_some_and(f64::is_finite)));
        }
    }
}
