//! Scores of given texts: in every form that servers give them, cut as tokenizers cut, whole characters or not.

use std::ops::Range;

use serde_json::{Map, json};

use super::*;
use crate::request::TokenScore;

/// How a tokenizer cuts a text and how its server spells the tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    /// vLLM with a byte-level tokenizer: spaces stand before words, halves of characters are replacement characters.
    Replaced,
    /// OpenAI's legacy completions: the same, but halves are spelt as bytes.
    Spelt,
    /// llama-cpp-python: the same, but halves say nothing.
    Silent,
    /// vLLM with SentencePiece: `<s>` first, spaces lost, each byte of a rare character a token.
    Piece,
}

/// In which way a server scores.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Echo,
    /// Only if it may draw a token.
    EchoDrawing,
    /// vLLM's `prompt_logprobs`, the token of the text first among those of its position.
    Prompt,
    /// The same, told by `prompt_token_ids`.
    PromptIds,
}

/// A token as the server spells it, and the bytes of the text that it stands for.
type Piece = (String, Range<usize>);

/// The tokens of a text. Characters beyond ASCII are cut in two, or into their bytes.
fn pieces(text: &str, style: Style) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if style == Style::Piece {
        pieces.push(("<s>".to_owned(), 0..0));
    }
    let mut start = 0;
    while start < text.len() {
        let at = start + usize::from(text[start..].starts_with(' '));
        let c = text[at..].chars().next().unwrap();
        let n_word = text[at..].bytes().take_while(u8::is_ascii_alphanumeric).count();
        let end = at + n_word.max(c.len_utf8());
        if c.is_ascii() && !(c == '\n' && style == Style::Piece) {
            let spelt = if style == Style::Piece { &text[at..end] } else { &text[start..end] };
            pieces.push((spelt.to_owned(), start..end));
        } else {
            split(&mut pieces, text, start..end, at, style);
        }
        start = end;
    }
    pieces
}

/// The parts of one character at `at`, with the space before it.
fn split(pieces: &mut Vec<Piece>, text: &str, span: Range<usize>, at: usize, style: Style) {
    let bytes = &text.as_bytes()[at..span.end];
    let space = &text[span.start..at];
    if style == Style::Piece {
        if !space.is_empty() {
            pieces.push((String::new(), span.start..at));
        }
        pieces.extend(bytes.iter().enumerate().map(|(i, byte)| (format!("<0x{byte:02X}>"), at + i..at + i + 1)));
        return;
    }
    let middle = bytes.len() / 2;
    for (half, space, span) in
        [(&bytes[..middle], space, span.start..at + middle), (&bytes[middle..], "", at + middle..span.end)]
    {
        let spelt = match style {
            Style::Replaced => format!("{space}\u{fffd}"),
            Style::Silent => space.to_owned(),
            _ => half.iter().fold(format!("bytes:{space}"), |spelt, byte| format!("{spelt}\\x{byte:02x}")),
        };
        pieces.push((spelt, span));
    }
}

/// Each token has its own: which one was taken for which shows in it.
fn logprob(i: usize) -> Option<f64> {
    (i > 0).then_some(-0.25 * i as f64)
}

fn answer(body: &Value, style: Style, way: Way) -> Reply {
    let refused = |message: &str| Reply::new(400, &[], json!({"object": "error", "message": message}).to_string());
    let is_echo = body["echo"] == true;
    let draws = body["max_tokens"] == 1;
    let pieces = pieces(body["prompt"].as_str().unwrap(), style);
    match way {
        Way::EchoDrawing if !draws => refused("max_tokens must be at least 1"),
        Way::Echo | Way::EchoDrawing if !is_echo => refused("prompt_logprobs is not known here"),
        Way::Echo | Way::EchoDrawing => {
            let mut tokens: Vec<&str> = pieces.iter().map(|(spelt, _)| spelt.as_str()).collect();
            tokens.extend(draws.then_some(" drawn"));
            let values: Vec<Option<f64>> = (0..tokens.len()).map(logprob).collect();
            let top = |i: usize| logprob(i).map(|own| json!({" other": -0.125, tokens[i]: own}));
            let tops: Vec<Option<Value>> = (0..tokens.len()).map(top).collect();
            let logprobs = json!({"tokens": tokens, "token_logprobs": values, "top_logprobs": tops});
            Reply::json(&json!({"choices": [{"text": "", "logprobs": logprobs, "finish_reason": "length"}]}))
        }
        Way::Prompt | Way::PromptIds if is_echo => refused("Only no echo is supported"),
        Way::Prompt | Way::PromptIds => {
            let has_ids = way == Way::PromptIds;
            let positions: Vec<Value> =
                pieces.iter().enumerate().map(|(i, piece)| position(i, piece, has_ids)).collect();
            let mut choice = json!({"text": " drawn", "finish_reason": "length", "prompt_logprobs": positions});
            if has_ids {
                choice["prompt_token_ids"] = (0..pieces.len()).collect();
            }
            Reply::json(&json!({"choices": [choice]}))
        }
    }
}

fn position(i: usize, (spelt, _): &Piece, has_ids: bool) -> Value {
    let Some(own) = logprob(i) else { return Value::Null };
    let own = (i.to_string(), json!({"logprob": own, "rank": 7, "decoded_token": spelt}));
    let other = ("90001".to_owned(), json!({"logprob": -0.125, "rank": 1, "decoded_token": " other"}));
    let scores = if has_ids { [other, own] } else { [own, other] };
    Value::Object(Map::from_iter(scores))
}

#[tokio::test]
async fn every_byte_of_a_text_has_the_scores_of_its_own_tokens_and_no_others() {
    let cases = [
        ("", "Hello there."),
        ("", "Two naïve crabs 🦀 eat 日本 food."),
        ("A foot", "ball match, and 🦀🦀."),
        ("Le crabe va", "\n🦀 là.\nFin"),
        ("Where? ", "On the mat 🦀"),
    ];
    for style in [Style::Replaced, Style::Spelt, Style::Silent, Style::Piece] {
        for way in [Way::Echo, Way::EchoDrawing, Way::Prompt, Way::PromptIds] {
            let server = Canned::start(move |asked, _| answer(&asked.body, style, way)).await;
            let worker = client(&server.base_url);
            for (context, text) in cases {
                let at = format!("{style:?} {way:?} {context:?} {text:?}");
                let scored = worker.score(&score_of(context, text, 2)).await;
                let tokens = scored.unwrap_or_else(|error| panic!("{at}: {error}")).tokens;
                let whole = pieces(&format!("{context}{text}"), style);
                let own = whole.iter().enumerate().filter(|(_, (_, span))| span.end > context.len());
                let expected: Vec<(&str, Option<f64>)> = own.map(|(i, piece)| (piece.0.as_str(), logprob(i))).collect();
                let found: Vec<(&str, Option<f64>)> =
                    tokens.iter().map(|token| (token.token.as_str(), token.logprob)).collect();
                assert_eq!(found, expected, "{at}");
                let scored = || tokens.iter().filter(|token| token.logprob.is_some());
                assert!(scored().all(|token| token.top.len() == 2 && token.top[0].0 == " other"), "{at}");
                let of_prompt = matches!(way, Way::Prompt | Way::PromptIds);
                assert!(!of_prompt || scored().all(|token| token.rank == Some(7)), "{at}");
            }
        }
    }
}

#[tokio::test]
async fn a_text_that_is_all_halves_of_characters_is_scored() {
    for style in [Style::Replaced, Style::Spelt, Style::Silent, Style::Piece] {
        let server = Canned::start(move |asked, _| answer(&asked.body, style, Way::Echo)).await;
        let tokens = client(&server.base_url).score(&score_of("", "日本語🦀", 1)).await.unwrap().tokens;
        let n_parts = if style == Style::Piece { 3 * 3 + 4 } else { 2 * 4 };
        assert_eq!(tokens.len(), n_parts, "{style:?}: {tokens:?}");
    }
}

#[tokio::test]
async fn the_way_is_found_once_and_then_only_it_is_asked() {
    for (way, n_tries) in [(Way::Echo, 1), (Way::EchoDrawing, 2), (Way::Prompt, 3)] {
        let server = Canned::start(move |asked, _| answer(&asked.body, Style::Replaced, way)).await;
        let worker = client(&server.base_url);
        let texts = [score_of("", "one", 3), score_of("", "two", 3), score_of("", "three", 3)];
        let scored = futures::future::join_all(texts.iter().map(|text| worker.score(text))).await;
        assert!(scored.iter().all(Result::is_ok), "{scored:?}");
        let asked = server.asked();
        assert_eq!(asked.len(), n_tries + 3, "{way:?}");
        let field = if way == Way::Prompt { "prompt_logprobs" } else { "logprobs" };
        assert!(asked[n_tries..].iter().all(|asked| asked.body[field] == 3), "{way:?}");
        // Nothing is asked for nothing.
        assert_eq!(worker.score(&score_of("context", "", 3)).await.unwrap().tokens, []);
        assert_eq!(server.asked().len(), n_tries + 3);
    }
}

#[tokio::test]
async fn scores_through_a_server_are_those_of_the_model_behind_it() {
    let server = loopback(ServerSettings { required_key: Some(KEY.into()), ..ServerSettings::default() });
    let (through, direct) = (client(&server.url()), ngram());
    for (context, text) in [("", "The cat sat."), ("The dog", " met a 🦀 on the 日本 road."), ("", "naïve\n\n  Über")]
    {
        let request = score_of(context, text, 3);
        let (through, direct) = (through.score(&request).await.unwrap(), direct.score(&request).await.unwrap());
        type Plain = (String, Option<f64>, Vec<(String, f64)>);
        let plain = |tokens: &[TokenScore]| -> Vec<Plain> {
            tokens.iter().map(|token| (token.token.clone(), token.logprob, token.top.clone())).collect()
        };
        assert_eq!(plain(&through.tokens), plain(&direct.tokens), "{context:?} {text:?}");
        let spelt: String = through.tokens.iter().map(|token| token.token.as_str()).collect();
        assert_eq!(spelt, text);
    }
}

#[tokio::test]
async fn a_server_that_cannot_score_is_told_with_every_reason() {
    let reason = |message: &str| Reply::new(400, &[], json!({"error": {"message": message, "code": 400}}).to_string());
    // llama.cpp: refuses echo, draws, and passes over a field that it does not know.
    let llama_cpp = Canned::start(move |asked, _| match asked.body["echo"] == true {
        true => reason("Only no echo is supported"),
        false => Reply::json(&json!({"choices": [{"text": " a", "logprobs": null, "finish_reason": "length"}]})),
    })
    .await;
    let error = client(&llama_cpp.base_url).score(&score_of("", "The cat", 1)).await.unwrap_err();
    assert_eq!((error.failure, error.failure.action()), (Failure::Unsupported, Action::StopWorker));
    for part in ["max_tokens 0: answers 400: Only no echo is supported", "prompt_logprobs: the answer has no"] {
        assert!(error.message.contains(part), "{error}");
    }
    // Servers that take `echo` and pass over it, fill in what they do not know, or take a half for the whole.
    let echoing = |prompt: &str, value: Option<f64>| {
        let tokens: Vec<&str> = prompt.split_inclusive(' ').collect();
        json!({"tokens": tokens, "token_logprobs": vec![value; tokens.len()], "top_logprobs": null})
    };
    type Logprobs = Box<dyn Fn(&str) -> Value + Send + Sync>;
    let cases: [(&str, Logprobs); 6] = [
        ("no log-probabilities", Box::new(|_| Value::Null)),
        ("do not spell the text", Box::new(|_| json!({"tokens": [" a"], "token_logprobs": [-1.0]}))),
        ("all log-probabilities are zero", Box::new(move |prompt| echoing(prompt, Some(0.0)))),
        ("all log-probabilities are -1.5", Box::new(move |prompt| echoing(prompt, Some(-1.5)))),
        ("has no log-probability", Box::new(move |prompt| echoing(prompt, None))),
        ("not as many", Box::new(|prompt| json!({"tokens": [prompt], "token_logprobs": []}))),
    ];
    for (reason, logprobs) in cases {
        let server = Canned::start(move |asked, _| {
            let logprobs = logprobs(asked.body["prompt"].as_str().unwrap());
            Reply::json(&json!({"choices": [{"text": "", "logprobs": logprobs, "finish_reason": "length"}]}))
        })
        .await;
        let error = client(&server.base_url).score(&score_of("", "The cat", 1)).await.unwrap_err();
        assert!(error.failure == Failure::Unsupported && error.message.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn scores_that_go_missing_later_are_asked_for_again() {
    let server = Canned::start(|asked, n_before| match n_before {
        1 => {
            let logprobs = json!({"tokens": ["The", " cat"], "token_logprobs": [null]});
            Reply::json(&json!({"choices": [{"text": "", "logprobs": logprobs, "finish_reason": "length"}]}))
        }
        _ => answer(&asked.body, Style::Replaced, Way::Echo),
    })
    .await;
    let worker = client(&server.base_url);
    let error = worker.score(&score_of("", "The cat", 1)).await.unwrap_err();
    assert!(error.failure == Failure::Abnormal && error.message.contains("not as many"), "{error}");
    assert_eq!(worker.score(&score_of("", "The cat", 1)).await.unwrap().tokens.len(), 2);
}

#[tokio::test]
async fn what_may_pass_is_no_proof_that_a_server_cannot_score() {
    let server = Canned::start(|asked, n_before| match n_before {
        0 => Reply::new(503, &[], "busy"),
        // An internal error may be the server's way to refuse: the other ways are tried before it is given back.
        1..4 => Reply::new(500, &[], "died"),
        _ => answer(&asked.body, Style::Replaced, Way::Echo),
    })
    .await;
    let worker = client(&server.base_url);
    for n_asked in [1, 4] {
        let error = worker.score(&score_of("", "The cat", 1)).await.unwrap_err();
        assert_eq!((error.failure, server.asked().len()), (Failure::Overload, n_asked), "{error}");
    }
    assert_eq!(worker.score(&score_of("", "The cat", 1)).await.unwrap().tokens.len(), 2);
}
