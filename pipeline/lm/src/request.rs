//! What is asked of a worker and what it answers.
//!
//! Every parameter that changes the reply is explicit and hashed into [`CompletionRequest::key`]: servers have their
//! own silent defaults (vLLM reads the model's `generation_config.json`), and a reply is only reused for a request
//! that is the same in every respect. Transport (timeouts, retries, keys, URLs) is not part of a request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::route::Choice;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sets the rules of the conversation.
    System,
    /// Asks.
    User,
    /// Answers.
    Assistant,
}

/// What the reply continues.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// A bare text, continued as it stands (`/v1/completions`).
    Text(String),
    /// A conversation, answered in the model's own template (`/v1/chat/completions`).
    Chat(Vec<Message>),
}

impl Prompt {
    /// A conversation of one user message.
    pub fn user(content: impl Into<String>) -> Self {
        Self::Chat(vec![Message { role: Role::User, content: content.into() }])
    }

    /// The prompt as one text: the bare text, or the messages' contents one after another.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Chat(messages) => messages.iter().map(|m| m.content.as_str()).collect::<Vec<_>>().join("\n\n"),
        }
    }
}

/// How the reply is drawn. The defaults are greedy decoding of at most 512 tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// 0 or more; 0 takes the likeliest token each time.
    pub temperature: f64,
    /// Share of probability mass drawn from, in (0, 1].
    pub top_p: f64,
    /// Number of likeliest tokens drawn from; none for all.
    pub top_k: Option<u32>,
    /// Least probability relative to the likeliest token, in [0, 1].
    pub min_p: Option<f64>,
    /// Taken from a token's score once it has occurred, in [-2, 2].
    pub presence_penalty: f64,
    /// Taken from a token's score for each time it has occurred, in [-2, 2].
    pub frequency_penalty: f64,
    /// Divides the scores of tokens that have occurred; none for 1.
    pub repetition_penalty: Option<f64>,
    /// Longest reply, in tokens.
    pub max_tokens: u32,
    /// Shortest reply, in tokens.
    pub min_tokens: Option<u32>,
    /// Texts that end a reply; they are not part of it.
    pub stop: Vec<String>,
    /// Seed of the draw; servers honour it as well as they can.
    pub seed: Option<u64>,
    /// Added to the scores of tokens, by token id.
    pub logit_bias: BTreeMap<String, f64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            top_k: None,
            min_p: None,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            repetition_penalty: None,
            max_tokens: 512,
            min_tokens: None,
            stop: Vec::new(),
            seed: None,
            logit_bias: BTreeMap::new(),
        }
    }
}

/// What the reply's form must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// JSON that this JSON Schema accepts.
    JsonSchema(Value),
    /// A text that this regular expression matches as a whole.
    Regex(String),
    /// One of these texts.
    Choice(Vec<String>),
    /// A text of this grammar, in the server's own notation (GBNF for llama.cpp).
    Grammar(String),
}

/// A request for one reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionRequest {
    /// What the reply continues.
    pub prompt: Prompt,
    /// How it is drawn.
    pub sampling: Sampling,
    /// What its form must be.
    pub shape: Option<Shape>,
    /// Number of alternatives reported per token of the reply; none for no log-probabilities.
    pub top_logprobs: Option<u32>,
    /// Which draw of the same prompt this is: 0 for the first. Several replies to a prompt are several requests.
    pub sample: u32,
    /// Further parameters for this server, sent as they are.
    pub extra: BTreeMap<String, Value>,
}

impl CompletionRequest {
    /// A request with nothing special about it.
    pub fn new(prompt: Prompt, sampling: Sampling) -> Self {
        Self { prompt, sampling, shape: None, top_logprobs: None, sample: 0, extra: BTreeMap::new() }
    }

    /// The same request, another draw.
    #[must_use]
    pub fn with_sample(mut self, sample: u32) -> Self {
        self.sample = sample;
        self
    }

    /// The key replies are kept under: 32 hex digits of xxh3-128 over the canonical JSON of the request and the
    /// model's identity. URL, credentials and transport settings are not in it.
    pub fn key(&self, identity: &Identity) -> String {
        key("complete", identity, self)
    }
}

/// A request for the log-probabilities of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreRequest {
    /// Read but not scored, such as the question before an answer; empty for none.
    pub context: String,
    /// The text to score.
    pub text: String,
    /// Number of alternatives wanted per token; 0 for none.
    pub top: u32,
}

impl ScoreRequest {
    /// The key replies are kept under; see [`CompletionRequest::key`].
    pub fn key(&self, identity: &Identity) -> String {
        key("score", identity, self)
    }
}

/// A request for the embedding of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedRequest {
    /// The text.
    pub text: String,
    /// Number of dimensions wanted, of models that can shorten their vectors; none for the model's own.
    pub dimensions: Option<u32>,
}

impl EmbedRequest {
    /// The key replies are kept under; see [`CompletionRequest::key`].
    pub fn key(&self, identity: &Identity) -> String {
        key("embed", identity, self)
    }
}

/// What a reply depends on besides the request: which model, not where it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `openai`, `ngram` or `replay`.
    pub kind: String,
    /// The model's name.
    pub model: String,
    /// Its revision, or for a model fitted here the hash of what it was fitted on; empty when not known.
    pub revision: String,
}

/// Version of the layout of keys: raised when a field is added that changes what a request means.
const KEY_VERSION: u32 = 1;

fn key<T: Serialize>(endpoint: &str, identity: &Identity, request: &T) -> String {
    let canonical = serde_json::to_value((KEY_VERSION, endpoint, identity, request))
        .map(|mut value| {
            value.sort_all_objects();
            value.to_string()
        })
        .unwrap_or_else(|error| unreachable!("requests hold nothing that JSON cannot: {error}"));
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(canonical.as_bytes()))
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended it, or a stop text did.
    Stop,
    /// It reached `max_tokens`.
    Length,
    /// The server's filter cut it.
    Filtered,
}

/// One reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The text, without the stop text.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt, as the server counts them.
    pub prompt_tokens: u64,
    /// Tokens of the reply.
    pub completion_tokens: u64,
    /// The reply's tokens, when log-probabilities were asked for and given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<TokenScore>>,
    /// The model that answered, in the server's words.
    pub model: String,
    /// Milliseconds from sending to the last byte; of the last attempt.
    pub latency_ms: u64,
    /// Times it was asked for; 1 when the first attempt succeeded.
    pub attempts: u32,
    /// Whether it came from the journal or a recording, and cost nothing now.
    #[serde(default)]
    pub cached: bool,
    /// Which of several workers was chosen and why, when a route chose.
    #[serde(skip)]
    pub routed: Option<Box<Choice>>,
}

/// A token of a text with its log-probability given what comes before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenScore {
    /// The token's text.
    pub token: String,
    /// Natural logarithm of its probability; none for the first token of most models.
    pub logprob: Option<f64>,
    /// Its rank among all tokens, 1 for the likeliest; none when not known.
    pub rank: Option<u32>,
    /// The likeliest tokens here with their log-probabilities, likeliest first.
    pub top: Vec<(String, f64)>,
    /// Entropy of the whole distribution in nats; none unless the worker sees all of it.
    pub entropy: Option<f64>,
}

/// The scores of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The tokens of the text, in order; those of the context are left out.
    pub tokens: Vec<TokenScore>,
    /// Whether `top` holds the whole vocabulary.
    pub full: bool,
    /// Whether it came from the journal.
    #[serde(default)]
    pub cached: bool,
}

/// A text as a point in a space: what is near means alike, as far as the model knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    /// The point; its values are finite, its length is the model's.
    pub vector: Vec<f32>,
    /// Tokens of the text, as the server counts them.
    pub prompt_tokens: u64,
    /// Whether it came from the journal or a recording.
    #[serde(default)]
    pub cached: bool,
}

impl Embedded {
    /// The cosine of the angle to another point, in [-1, 1]; 0 if either is the origin or their spaces differ.
    pub fn cosine(&self, other: &Self) -> f64 {
        if self.vector.len() != other.vector.len() {
            return 0.0;
        }
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let norms = (product(&self.vector, &self.vector) * product(&other.vector, &other.vector)).sqrt();
        if norms > 0.0 { (product(&self.vector, &other.vector) / norms).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_by_hand() {
        let point = |vector: &[f32]| Embedded { vector: vector.to_vec(), prompt_tokens: 0, cached: false };
        // 3 * 4 + 4 * 3 = 24, over 5 * 5.
        assert!((point(&[3.0, 4.0]).cosine(&point(&[4.0, 3.0])) - 0.96).abs() < 1e-12);
        assert_eq!(point(&[1.0, 0.0]).cosine(&point(&[0.0, 0.0])), 0.0);
        assert_eq!(point(&[1.0, 0.0]).cosine(&point(&[1.0])), 0.0);
    }

    #[test]
    fn a_key_depends_on_every_parameter_and_on_the_model() {
        let base = CompletionRequest::new(Prompt::Text("a".into()), Sampling::default());
        let model = |name: &str| Identity { kind: "openai".into(), model: name.into(), revision: String::new() };
        let mut warm = base.clone();
        warm.sampling.temperature = 0.7;
        let mut seeded = base.clone();
        seeded.sampling.seed = Some(1);
        let chat = CompletionRequest::new(Prompt::user("a"), Sampling::default());
        let keys: std::collections::BTreeSet<String> = [&base, &warm, &seeded, &chat, &base.clone().with_sample(1)]
            .iter()
            .map(|request| request.key(&model("m")))
            .chain([base.key(&model("n"))])
            .collect();
        assert_eq!(keys.len(), 6);
        assert_eq!(base.key(&model("m")), base.clone().key(&model("m")));
    }
}
