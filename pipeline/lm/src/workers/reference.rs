//! Every key of a `[worker.NAME]` table, for `gristmill ops`. Tests hold this list against what the tables take.

use gristmill_core::annotator::ParamDoc;

/// A kind of worker.
pub struct WorkerKind {
    /// The word after `kind =`.
    pub kind: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its own keys; [`COMMON`] ones come on top.
    pub params: &'static [ParamDoc],
}

const fn key(name: &'static str, default: &'static str, about: &'static str) -> ParamDoc {
    ParamDoc { name, default, about }
}

/// The kinds of workers.
pub static KINDS: &[WorkerKind] = &[
    WorkerKind {
        kind: "openai",
        about: "A server that speaks OpenAI's protocol: hosted ones, vLLM, SGLang, llama.cpp, Ollama.",
        params: &[
            key("base_url", "required", "where it is, with /v1: http://127.0.0.1:8000/v1"),
            key("model", "required", "the model's name, as the server knows it"),
            key("revision", "\"\"", "the model's revision, if it matters: replies are reused for the same one only"),
            key("api_key_env", "none", "environment variable that holds the key; the key itself stands in no file"),
            key("endpoint", "\"auto\"", "auto (conversations to chat, bare texts to completions), chat or completions"),
            key(
                "guided",
                "\"auto\"",
                "dialect for the form of replies: auto, vllm, sglang, openai, llama_cpp, ollama, none",
            ),
            key("connect_seconds", "10", "longest time to connect"),
            key(
                "first_byte_seconds",
                "300",
                "longest time until an answer begins; servers that queue are silent meanwhile",
            ),
            key("idle_seconds", "120", "longest silence within an answer"),
            key(
                "stream",
                "false",
                "replies are streamed: idle_seconds counts from token to token; the reply is the same",
            ),
            key("total_seconds", "600", "longest time for a whole answer"),
            key("max_tokens_field", "\"max_tokens\"", "max_completion_tokens for OpenAI's reasoning models"),
            key("headers", "{}", "further headers; credentials belong into api_key_env"),
            key(
                "batch",
                "none",
                "{ max_requests = 10000, max_megabytes = 100, gather_seconds = 5, poll_seconds = 30, completion_window = \
                 \"24h\" }: requests are sent in files (/v1/batches); max_in_flight is then max_requests, request_seconds \
                 a week, and adaptive off; not with a learned route",
            ),
        ],
    },
    WorkerKind {
        kind: "ngram",
        about: "The embedded model: no server, no weights; its texts are poor, its log-probabilities exact.",
        params: &[
            key("files", "[]", ".jsonl rows or plain texts it is fitted on; none for the input of the stage that asks"),
            key("order", "3", "longest n-gram, in tokens, 1 to 16"),
            key("cache_order", "2", "longest context that is looked up in the prompt, in tokens"),
            key("max_fit_tokens", "1000000", "fitting stops after so many tokens: about 150 bytes each and per order"),
        ],
    },
    WorkerKind {
        kind: "replay",
        about: "Answers from a recording, and fails on what is not in it, with the nearest that is.",
        params: &[
            key("file", "required", "JSON lines, as `record` writes them or by hand: {\"prompt\": …, \"reply\": …}"),
            key("identity", "the recording's", "{ kind, model, revision } of the model whose requests it answers"),
        ],
    },
];

/// Keys that every kind takes.
pub static COMMON: &[ParamDoc] = &[
    key("max_in_flight", "16", "most requests on their way at a time"),
    key("requests_per_minute", "none", "rate of requests, shared by all stages that name the worker"),
    key("tokens_per_minute", "none", "rate of tokens, prompts and replies together"),
    key("burst_seconds", "1", "seconds' worth of the two rates that may be sent at once"),
    key("max_attempts", "6", "times a request is sent before it fails"),
    key("request_seconds", "900", "longest time for a request, retries included"),
    key("max_retry_after_seconds", "300", "a server that asks for a longer wait has spent its quota"),
    key("max_requests", "none", "budget: most sendings; the run stops cleanly and can go on"),
    key("max_tokens", "none", "budget: most tokens"),
    key("max_cost", "none", "budget: most money, in the currency of the prices"),
    key("price_per_million", "{ prompt = 0, completion = 0 }", "price of a million tokens"),
    key("budget", "{}", "the four keys above as a table"),
    key(
        "adaptive",
        "{ enabled = true, … }",
        "how the number in flight follows the server: start_in_flight, increase 1, decrease 0.5, slow_decrease 0.8, \
         latency_tolerance 3, latency_window 20, baseline_weight 0.1, patience 8",
    ),
    key("backoff", "{ first_seconds = 1, most_seconds = 60 }", "full jitter: a wait between 0 and first x 2^(n - 1)"),
    key(
        "breaker",
        "{ failures_to_open = 5, … }",
        "a worker that is down pauses the run: first_probe_seconds 1, most_probe_seconds 30, max_down_seconds 600",
    ),
    key(
        "estimate",
        "{ chars_per_token = 4, … }",
        "tokens before the server has counted them; tokens_per_message 8, tokens_per_request 64",
    ),
    key(
        "shorten_reply",
        "none",
        "{ factor = 0.8, least_tokens = 64 }: too long for the context, ask for a shorter reply",
    ),
    key("ask_failures_again", "false", "ask again what failed as too long or as a bad request in an earlier attempt"),
    key("record", "none", "file that replies are also written to, for kind = \"replay\""),
    key("size", "0", "size of the model, in any unit that is the same for all; weighed by the route \"learned\""),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::pool::{Budget, PoolSettings};
    use crate::workers::WorkerSettings;
    use crate::workers::settings::OWN_KEYS;

    /// The keys that serde says a kind takes, besides the common ones.
    fn taken(kind: &str) -> BTreeSet<String> {
        let table = json!({ "kind": kind, "no such key": 1 });
        let said = WorkerSettings::parse(&table).unwrap_err().message;
        let list = said.split_once("expected").unwrap().1;
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn names(params: &[ParamDoc]) -> BTreeSet<String> {
        params.iter().map(|param| param.name.to_owned()).collect()
    }

    #[test]
    fn every_key_is_listed_and_nothing_else() {
        for kind in KINDS {
            // `files` is taken before the model's own keys are read.
            let files = (kind.kind == "ngram").then(|| "files".to_owned());
            assert_eq!(names(kind.params), taken(kind.kind).into_iter().chain(files).collect(), "{}", kind.kind);
        }
        let keys = |value: Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let pool = keys(serde_json::to_value(PoolSettings::default()).unwrap());
        let budget = keys(serde_json::to_value(Budget::default()).unwrap());
        let own = OWN_KEYS.iter().map(|key| (*key).to_owned());
        assert_eq!(names(COMMON), pool.into_iter().chain(budget).chain(own).collect());
    }
}
