//! Log-probabilities of a given text, by whichever way the server has, once that way was seen to work.
//!
//! Three ways, tried in this order: `/completions` with `echo` and no token drawn; the same with one token, which is
//! dropped (servers that refuse to draw none); vLLM's `prompt_logprobs`. Servers accept `echo` and ignore it, or fill
//! the lists with zeros, so a way counts only when a known text comes back with its own tokens, one log-probability
//! each, and values that differ. This is found out once per worker, before its first text is scored.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::OpenAi;
use super::align::{align, before};
use super::body;
use super::logprobs;
use super::settings::Guided;
use crate::error::{Action, Failure, WorkerError, cut};
use crate::request::{CompletionRequest, Prompt, Sampling, ScoreRequest, Scored, TokenScore};
use crate::worker::Worker;

/// The text that a way of scoring has to score; common words, digits, and signs.
const KNOWN_TEXT: &str = "The quick brown fox jumps over the lazy dog. In 1969, 400,000 people heard 7 songs (or 8).";

/// Fewest tokens that the known text can be: no tokenizer has tokens longer than its words.
const FEWEST_KNOWN: usize = 10;

/// Least difference between two log-probabilities of the known text that no constant has.
const LEAST_SPREAD: f64 = 1e-6;

/// Most tokens drawn where one is asked for: llama-cpp-python draws on until a character is whole.
const MOST_DRAWN: usize = 8;

/// A way to have a text scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `echo`, `logprobs`, `max_tokens: 0`.
    EchoNone,
    /// `echo`, `logprobs`, `max_tokens: 1`; the drawn token is dropped.
    EchoOne,
    /// vLLM's `prompt_logprobs`.
    Prompt,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::EchoNone, Self::EchoOne, Self::Prompt];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EchoNone => "echo, logprobs, max_tokens 0",
            Self::EchoOne => "echo, logprobs, max_tokens 1",
            Self::Prompt => "prompt_logprobs",
        }
    }
}

/// A token and the bytes of the text that it stands for.
pub(crate) type Placed = (Range<usize>, TokenScore);

/// Scores a text after its context.
///
/// A token that stands on both sides of the border belongs to the text: left out, a part of the text would have no
/// score at all.
pub(crate) async fn score(worker: &OpenAi, request: &ScoreRequest) -> Result<Scored, WorkerError> {
    if request.text.is_empty() {
        return Ok(Scored { tokens: Vec::new(), full: false, cached: false });
    }
    let way = worker.way.get(async || find_way(worker).await).await?;
    let whole = format!("{}{}", request.context, request.text);
    let answer = ask(worker, way, &whole, request.top).await?;
    let placed = read(way, &answer, &whole, request.top)
        .map_err(|problem| worker.wire.error(Failure::Abnormal, &format!("{}: {problem}", way.name())))?;
    let of_text = placed.into_iter().filter(|(span, _)| span.end > request.context.len());
    Ok(Scored { tokens: of_text.map(|(_, score)| score).collect(), full: false, cached: false })
}

/// The first way that works.
async fn find_way(worker: &OpenAi) -> Result<Way, WorkerError> {
    let mut notes = Vec::new();
    let mut passing = None;
    for way in Way::ALL {
        match try_way(worker, way).await {
            Ok(()) => return Ok(way),
            Err(error) if ends_search(&error) => return Err(error),
            Err(error) => {
                notes.push(error.message.clone());
                passing = passing.or(Some(error).filter(|error| error.failure.action() == Action::Retry));
            }
        }
    }
    // What may pass by itself is no proof that the server cannot.
    Err(passing.unwrap_or_else(|| {
        worker.wire.error(Failure::Unsupported, &format!("it cannot score a text: {}", notes.join("; ")))
    }))
}

/// Whether trying another way is pointless: nothing was learnt of this one, and the next would fare the same.
pub(crate) fn ends_search(error: &WorkerError) -> bool {
    let is_internal = error.status == Some(500);
    matches!(error.failure, Failure::Auth | Failure::Quota | Failure::Rate | Failure::Connection | Failure::Timeout)
        || (error.failure == Failure::Overload && !is_internal)
}

/// Has the known text scored, and checks what comes back.
///
/// # Errors
/// As the server fails; [`Failure::Unsupported`] with what is wrong when the scores cannot be those of the text.
pub(crate) async fn try_way(worker: &OpenAi, way: Way) -> Result<(), WorkerError> {
    let named = |error: WorkerError| WorkerError { message: format!("{}: {}", way.name(), error.message), ..error };
    let answer = ask(worker, way, KNOWN_TEXT, 1).await.map_err(named)?;
    let problem = match read(way, &answer, KNOWN_TEXT, 1) {
        Ok(placed) => known_problem(&placed),
        Err(problem) => Some(problem),
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(named(worker.wire.error(Failure::Unsupported, &problem))),
    }
}

/// Why these cannot be the log-probabilities of the known text.
fn known_problem(placed: &[Placed]) -> Option<String> {
    if placed.len() < FEWEST_KNOWN {
        return Some(format!("the known text comes back as {} tokens", placed.len()));
    }
    let values = || placed.iter().filter_map(|(_, score)| score.logprob);
    if values().all(|value| value == 0.0) {
        return Some("all log-probabilities are zero".to_owned());
    }
    let (least, most) = values().fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
    (most - least < LEAST_SPREAD).then(|| format!("all log-probabilities are {least}"))
}

/// Asks for the scores of a text.
async fn ask(worker: &OpenAi, way: Way, text: &str, top: u32) -> Result<Value, WorkerError> {
    let dialect = worker.dialect().await?;
    // Which way it is asked is part of the request's name.
    let request = ScoreRequest { context: way.name().to_owned(), text: text.to_owned(), top };
    let key = request.key(&worker.identity());
    worker.post(false, &key, &fields(worker, dialect, way, text, top)).await
}

/// The draw is at temperature 1 from all tokens, since some servers scale what they report by it.
fn fields(worker: &OpenAi, dialect: Guided, way: Way, text: &str, top: u32) -> Map<String, Value> {
    let max_tokens = if way == Way::EchoNone { 0 } else { 1 };
    let sampling = Sampling { temperature: 1.0, max_tokens, seed: Some(0), ..Sampling::default() };
    let request = CompletionRequest::new(Prompt::Text(text.to_owned()), sampling);
    let mut fields = body::fields(&worker.settings, dialect, &request, false);
    // 0 alternatives are taken for no log-probabilities by some.
    let top = top.max(1);
    if way == Way::Prompt {
        fields.insert("prompt_logprobs".into(), json!(top));
        fields.insert("return_token_ids".into(), json!(true));
    } else {
        fields.insert("echo".into(), json!(true));
        fields.insert("logprobs".into(), json!(top));
    }
    fields
}

/// The tokens of the text with their scores; the error says why the answer does not hold them.
fn read(way: Way, answer: &Value, text: &str, top: u32) -> Result<Vec<Placed>, String> {
    let choice = &answer["choices"][0];
    let n_top = top as usize;
    let placed = match way {
        Way::EchoNone | Way::EchoOne => {
            let logprobs = &choice["logprobs"];
            if logprobs.is_null() {
                return Err("the answer has no log-probabilities".to_owned());
            }
            let scores = logprobs::tokens(logprobs, n_top)
                .ok_or("the log-probabilities and the tokens are not as many, or of an unknown form")?;
            let most_drawn = if way == Way::EchoOne { MOST_DRAWN } else { 0 };
            place(scores, text, most_drawn)?
        }
        Way::Prompt => {
            let of_choice = &choice["prompt_logprobs"];
            let positions = if of_choice.is_null() { &answer["prompt_logprobs"] } else { of_choice };
            let ids = choice["prompt_token_ids"].as_array().or_else(|| answer["prompt_token_ids"].as_array());
            let scores = logprobs::prompt_tokens(positions, ids, n_top)
                .ok_or("the answer has no log-probabilities of the prompt, or of an unknown form")?;
            place(with_first(scores, text)?, text, 0)?
        }
    };
    match logprobs::problem(placed.iter().map(|(_, score)| score), 1) {
        None => Ok(placed),
        Some(problem) => Err(problem),
    }
}

/// Lays the tokens along the text; of those after it no more may be than were drawn.
fn place(scores: Vec<TokenScore>, text: &str, most_drawn: usize) -> Result<Vec<Placed>, String> {
    let tokens: Vec<&str> = scores.iter().map(|score| score.token.as_str()).collect();
    let Some(aligned) = align(&tokens, text) else {
        let (said, wanted) = (cut(&tokens.concat(), 40), cut(text, 40));
        return Err(format!("its tokens do not spell the text: {said:?} for {wanted:?}"));
    };
    if aligned.n_trailing > most_drawn {
        return Err(format!("{} tokens were drawn where {most_drawn} were asked for", aligned.n_trailing));
    }
    let n_leading = aligned.n_leading;
    Ok(aligned.spans.into_iter().zip(scores.into_iter().skip(n_leading)).collect())
}

/// vLLM does not say what the first token is, for it has no score: it is what the others leave of the text.
fn with_first(scores: Vec<Option<TokenScore>>, text: &str) -> Result<Vec<TokenScore>, String> {
    let mut scores = scores.into_iter();
    let first = scores.next().flatten();
    let others: Vec<TokenScore> =
        scores.collect::<Option<_>>().ok_or("a token after the first has no log-probability")?;
    if let Some(first) = first {
        return Ok([first].into_iter().chain(others).collect());
    }
    let tokens: Vec<&str> = others.iter().map(|score| score.token.as_str()).collect();
    let token = before(&tokens, text).unwrap_or_default().to_owned();
    if token.is_empty() {
        return Ok(others);
    }
    let first = TokenScore { token, logprob: None, rank: None, top: Vec::new(), entropy: None };
    Ok([first].into_iter().chain(others).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(tokens: &[&str], values: &[Option<f64>]) -> Value {
        json!({"choices": [{"logprobs": {"tokens": tokens, "token_logprobs": values}}]})
    }

    fn read_echo(tokens: &[&str], values: &[Option<f64>], way: Way) -> Result<usize, String> {
        read(way, &echo(tokens, values), "The cat", 0).map(|placed| placed.len())
    }

    #[test]
    fn an_echo_is_held_to_the_text_and_to_its_count() {
        let (none, one) = (Way::EchoNone, Way::EchoOne);
        assert_eq!(read_echo(&["The", " cat"], &[None, Some(-1.0)], none), Ok(2));
        assert_eq!(read_echo(&["<s>", "The", " cat"], &[None, Some(-2.0), Some(-1.0)], none), Ok(2));
        assert_eq!(read_echo(&["The", " cat", "!"], &[None, Some(-1.0), Some(-1.0)], one), Ok(2));
        let a_character_in_parts = [None, Some(-1.0), Some(-2.0), Some(-3.0), Some(-4.0)];
        assert_eq!(read_echo(&["The", " cat", "", "", ""], &a_character_in_parts, one), Ok(2));
        for (tokens, values, way, problem) in [
            (vec!["The", " cat", "!"], vec![None, Some(-1.0), Some(-1.0)], none, "1 tokens were drawn"),
            (vec!["!"], vec![Some(-1.0)], one, "do not spell"),
            (vec!["The", " cat"], vec![None, None], none, "no log-probability"),
            (vec!["The", " cat"], vec![None], none, "not as many"),
            (vec!["The", " cat"], vec![Some(0.5), Some(0.9)], none, "which is no log-probability"),
        ] {
            let said = read_echo(&tokens, &values, way).unwrap_err();
            assert!(said.contains(problem), "{said}");
        }
        assert!(read(none, &json!({"choices": []}), "The cat", 0).unwrap_err().contains("no log-probabilities"));
    }

    #[test]
    fn vllms_first_token_is_what_the_others_leave() {
        let position = |token: &str| json!({"7": {"logprob": -1.0, "rank": 2, "decoded_token": token}});
        let answer = |positions: Value| json!({"choices": [{"prompt_logprobs": positions}]});
        let read = |positions| read(Way::Prompt, &answer(positions), "The cat", 0).unwrap();
        let without_bos = read(json!([null, position(" cat")]));
        assert_eq!((without_bos[0].1.token.as_str(), without_bos[0].1.logprob), ("The", None));
        let with_bos = read(json!([null, position("The"), position(" cat")]));
        assert_eq!((with_bos.len(), with_bos[0].1.logprob), (2, Some(-1.0)));
    }

    #[test]
    fn made_up_scores_of_the_known_text_are_told() {
        let placed = |values: &[f64]| -> Vec<Placed> {
            let score = |value: &f64| TokenScore {
                token: "a".into(),
                logprob: Some(*value),
                rank: None,
                top: Vec::new(),
                entropy: None,
            };
            values.iter().map(|value| (0..1, score(value))).collect()
        };
        assert!(known_problem(&placed(&[0.0; 20])).unwrap().contains("zero"));
        assert!(known_problem(&placed(&[-1.5; 20])).unwrap().contains("all log-probabilities are -1.5"));
        assert!(known_problem(&placed(&[-1.5, -2.0])).unwrap().contains("2 tokens"));
        let varied: Vec<f64> = (0..20).map(|i| -f64::from(i)).collect();
        assert_eq!(known_problem(&placed(&varied)), None);
    }
}
