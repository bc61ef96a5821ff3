//! What a server can do, found out by asking for it and looking at what comes back.
//!
//! Servers accept fields that they ignore, so a status of 200 shows nothing. A form counts as honoured when the reply
//! has it although the prompt asks for something else; log-probabilities when they are those of a known text; a seed
//! when it repeats a draw.

use serde_json::{Value, json};

use super::OpenAi;
use super::embed::try_embeddings;
use super::score::{Way, ends_search, try_way};
use super::settings::Endpoint;
use super::{body, logprobs};
use crate::error::{Failure, WorkerError, cut};
use crate::probe::Trial;
use crate::request::{Completion, CompletionRequest, Prompt, Sampling, Shape};
use crate::worker::Capabilities;

/// Most models named in a note.
const NAMED_MODELS: usize = 5;

/// What no model says unless it is held to it.
const SCHEMA_KEY: &str = "kx7";
const SCHEMA_VALUE: &str = "teal-41";
const REGEX: &str = "[0-9]{3}-[ab]{2}";
const CHOICES: [&str; 2] = ["qz4", "qz7"];
const GRAMMAR: &str = "root ::= \"qz-\" (\"4\" | \"7\")\n";

/// The trials of one server, as they are run.
struct Run<'a> {
    worker: &'a OpenAi,
    trials: Vec<Trial>,
    found: Capabilities,
}

/// Whether something works, and a note either way.
type Outcome = Result<String, String>;

/// Tries everything.
pub(crate) async fn run(worker: &OpenAi) -> Result<(Vec<Trial>, Capabilities), WorkerError> {
    let mut run = Run { worker, trials: Vec::new(), found: Capabilities::default() };
    run.models().await?;
    run.found.text = run.endpoint("completions", false).await;
    run.found.chat = run.endpoint("chat", true).await;
    let is_chat = match worker.settings.endpoint {
        Endpoint::Auto => run.found.chat,
        Endpoint::Chat => true,
        Endpoint::Completions => false,
    };
    if (is_chat && run.found.chat) || (!is_chat && run.found.text) {
        run.draws(is_chat).await;
        run.forms(is_chat).await;
    }
    run.scores().await;
    let outcome = try_embeddings(worker).await;
    run.found.embeddings = run.note("embeddings", outcome);
    let listed: Result<Value, _> = worker.client.batches().list_byot().await;
    let outcome = match listed.map_err(|error| worker.wire.failure(error)) {
        Ok(listed) if listed["data"].is_array() => Ok(String::new()),
        Ok(_) => Err("its list of batches is none".to_owned()),
        Err(error) => Err(error.message),
    };
    run.note("batch files", outcome);
    Ok((run.trials, run.found))
}

impl Run<'_> {
    fn note(&mut self, what: &str, outcome: Outcome) -> bool {
        let works = outcome.is_ok();
        // Replies and names of models may repeat what the server was sent.
        let note = self.worker.wire.redact(&outcome.unwrap_or_else(|note| note));
        let note = note.split_whitespace().collect::<Vec<_>>().join(" ");
        if !works {
            self.found.notes.push(format!("{what}: {note}"));
        }
        self.trials.push(Trial { what: what.to_owned(), works, note });
        works
    }

    async fn models(&mut self) -> Result<(), WorkerError> {
        let outcome = match self.worker.models().await {
            Ok(models) => {
                let listed = models.iter().any(|(id, _)| *id == self.worker.settings.model);
                self.found.models = models.into_iter().map(|(id, _)| self.worker.wire.redact(&id)).collect();
                let named = self.found.models.iter().take(NAMED_MODELS).map(String::as_str).collect::<Vec<_>>();
                let more = self.found.models.len().saturating_sub(NAMED_MODELS);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                let missing = if listed { "" } else { "; the configured one is not among them" };
                Ok(format!("{}{more}{missing}", named.join(", ")))
            }
            Err(error) if is_unreachable(&error) => return Err(error),
            Err(error) => Err(error.message),
        };
        self.note("models", outcome);
        Ok(())
    }

    async fn endpoint(&mut self, what: &str, is_chat: bool) -> bool {
        let outcome = match self.worker.ask(&request(is_chat, 0.0, 8), is_chat).await {
            Ok(_) => Ok(String::new()),
            Err(error) => Err(error.message),
        };
        self.note(what, outcome)
    }

    /// Several replies at once, seeds, log-probabilities of the reply.
    async fn draws(&mut self, is_chat: bool) {
        let outcome = self.n(is_chat).await;
        self.note("n", outcome);
        let outcome = self.seed(is_chat).await;
        self.found.seed = self.note("seed", outcome);
        let outcome = self.reply_logprobs(is_chat).await;
        self.found.reply_logprobs = self.note("reply logprobs", outcome);
    }

    async fn n(&self, is_chat: bool) -> Outcome {
        let dialect = self.worker.dialect().await.map_err(|error| error.message)?;
        let mut fields = body::fields(&self.worker.settings, dialect, &request(is_chat, 1.0, 4), is_chat);
        fields.insert("n".into(), json!(2));
        let answer = self.worker.post(is_chat, "", &fields).await.map_err(|error| error.message)?;
        match answer["choices"].as_array().map_or(0, Vec::len) {
            2 => Ok(String::new()),
            other => Err(format!("2 replies were asked for, {other} came")),
        }
    }

    async fn seed(&self, is_chat: bool) -> Outcome {
        let mut texts = Vec::new();
        for seed in [7, 7, 8] {
            let mut request = request(is_chat, 1.0, 16);
            request.sampling.seed = Some(seed);
            texts.push(self.worker.ask(&request, is_chat).await.map_err(|error| error.message)?.text);
        }
        match (texts[0] == texts[1], texts[0] == texts[2]) {
            (true, false) => Ok(String::new()),
            (true, true) => Ok("the same reply for another seed too".to_owned()),
            (false, _) => Err("two replies for one seed differ".to_owned()),
        }
    }

    async fn reply_logprobs(&self, is_chat: bool) -> Outcome {
        let mut request = request(is_chat, 1.0, 8);
        request.top_logprobs = Some(2);
        let reply = self.worker.ask(&request, is_chat).await.map_err(|error| error.message)?;
        let tokens = reply.tokens.filter(|tokens| !tokens.is_empty()).ok_or("the reply has none")?;
        if let Some(problem) = logprobs::problem(&tokens, 0) {
            return Err(problem);
        }
        if tokens.len() > 1 && tokens.iter().all(|token| token.logprob == Some(0.0)) {
            return Err("all log-probabilities are zero".to_owned());
        }
        Ok(format!("{} tokens", tokens.len()))
    }

    async fn forms(&mut self, is_chat: bool) {
        let schema = json!({
            "type": "object",
            "properties": {SCHEMA_KEY: {"type": "string", "enum": [SCHEMA_VALUE]}},
            "required": [SCHEMA_KEY],
            "additionalProperties": false,
        });
        let is_object = |text: &str| {
            serde_json::from_str::<Value>(text).is_ok_and(|value| value == json!({SCHEMA_KEY: SCHEMA_VALUE}))
        };
        let is_choice = |text: &str| CHOICES.contains(&text);
        let choices = CHOICES.map(str::to_owned).to_vec();
        let outcome = self.form(Shape::JsonSchema(schema), is_chat, is_object).await;
        self.found.json_schema = self.note("json_schema", outcome);
        let outcome = self.form(Shape::Regex(REGEX.to_owned()), is_chat, matches_regex).await;
        self.found.regex = self.note("regex", outcome);
        let outcome = self.form(Shape::Choice(choices), is_chat, is_choice).await;
        self.note("choice", outcome);
        let outcome =
            self.form(Shape::Grammar(GRAMMAR.to_owned()), is_chat, |text| matches!(text, "qz-4" | "qz-7")).await;
        self.found.grammar = self.note("grammar", outcome);
    }

    async fn form(&self, shape: Shape, is_chat: bool, has_it: impl Fn(&str) -> bool) -> Outcome {
        let mut request = request(is_chat, 0.0, 64);
        request.shape = Some(shape);
        let reply: Completion = self.worker.ask(&request, is_chat).await.map_err(|error| error.message)?;
        if has_it(&reply.text) {
            return Ok(String::new());
        }
        Err(format!("ignored: the reply is {:?}", cut(&reply.text, 60)))
    }

    async fn scores(&mut self) {
        let mut outcome = self.way(Way::EchoNone).await;
        if let Err(first) = &outcome {
            let first = first.clone();
            outcome = self.way(Way::EchoOne).await.map_err(|second| format!("{first}; {second}"));
        }
        let by_echo = self.note("echo + logprobs", outcome);
        let outcome = self.way(Way::Prompt).await;
        self.found.score = self.note("prompt_logprobs", outcome) || by_echo;
    }

    async fn way(&self, way: Way) -> Outcome {
        try_way(self.worker, way).await.map(|()| way.name().to_owned()).map_err(|error| error.message)
    }
}

/// A short request.
fn request(is_chat: bool, temperature: f64, max_tokens: u32) -> CompletionRequest {
    let prompt = if is_chat { Prompt::user("Say hello.") } else { Prompt::Text("The weather today is".to_owned()) };
    CompletionRequest::new(prompt, Sampling { temperature, max_tokens, ..Sampling::default() })
}

fn is_unreachable(error: &WorkerError) -> bool {
    ends_search(error) || error.failure == Failure::Down
}

/// Whether a text is three digits, a hyphen and two of `a` and `b`.
fn matches_regex(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 6
        && bytes[..3].iter().all(u8::is_ascii_digit)
        && bytes[3] == b'-'
        && bytes[4..].iter().all(|byte| matches!(byte, b'a' | b'b'))
}
