//! Planned faults: what servers do instead of answering, and when this one does it.
//!
//! A plan decides from the request and from how often it was asked, not from the order of arrival, so that a run
//! with many requests in flight meets the same faults each time and a request asked again can succeed. A script
//! decides by order of arrival, for tests that send one request after the other.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 429: too many requests.
    Rate {
        /// How the body is written.
        body: ErrorBody,
        /// Value of the `Retry-After` header, in seconds or as a date; none for no header.
        retry_after: Option<String>,
    },
    /// 429 with `insufficient_quota`: the account is spent, asking again does not help.
    Quota,
    /// 400: prompt and reply do not fit.
    ContextLength(ContextWording),
    /// 401: the key is refused.
    Auth,
    /// 404: no such model.
    NotFound,
    /// 400 whose message repeats the bearer token: as it is, as JSON may escape it, as an address does. Servers and
    /// proxies put what they were sent into their errors.
    RepeatedKey,
    /// A status of 500 or more, with the body that goes with it: 500 and others OpenAI's, 502 a proxy's page in HTML,
    /// 503 a line of text, 529 an object with `type`.
    Broken(u16),
    /// 200 whose body ends half-way: `Content-Length` promises more than is sent before the connection closes.
    CutBody,
    /// The connection is reset before anything is answered; the worker is not asked.
    Reset,
    /// 200 whose body is whole and no JSON.
    MalformedJson,
    /// 200 with `finish_reason` "abort".
    FinishAbort,
    /// 200 with an empty `finish_reason`.
    FinishEmpty,
    /// 200 with null as `finish_reason`.
    FinishNull,
    /// 200 without the field `choices`.
    MissingChoices,
    /// 200 with an empty list of choices.
    EmptyChoices,
    /// 200 whose text is null.
    NullContent,
    /// A good answer whose first byte comes late.
    SlowFirstByte {
        /// Milliseconds before the first byte.
        ms: u64,
    },
    /// A good answer whose head comes at once and whose body drips.
    SlowBody {
        /// Milliseconds from the first byte of the body to the last.
        ms: u64,
    },
}

/// How an error body is written: servers agree on the status only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorBody {
    /// `{"error": {…, "code": "…"}}`, OpenAI's.
    OpenAi,
    /// The same with the status as an integer code, as vLLM and llama.cpp write it.
    IntegerCode,
    /// A line of text.
    Text,
    /// `{"object": "error", …}`, older vLLM.
    Object,
    /// `{"detail": …}`, FastAPI.
    Detail,
    /// `{"message": …}`, gateways.
    Message,
}

/// How a server says that the context is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextWording {
    /// Code `context_length_exceeded`.
    OpenAi,
    /// Code 400 and "maximum context length" in the message.
    Vllm,
    /// Type `exceed_context_size_error`.
    LlamaCpp,
}

impl Fault {
    /// Its name in [`super::Counters::faults`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rate { .. } => "rate",
            Self::Quota => "quota",
            Self::ContextLength(_) => "context_length",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::RepeatedKey => "repeated_key",
            Self::Broken(_) => "broken",
            Self::CutBody => "cut_body",
            Self::Reset => "reset",
            Self::MalformedJson => "malformed_json",
            Self::FinishAbort => "finish_abort",
            Self::FinishEmpty => "finish_empty",
            Self::FinishNull => "finish_null",
            Self::MissingChoices => "missing_choices",
            Self::EmptyChoices => "empty_choices",
            Self::NullContent => "null_content",
            Self::SlowFirstByte { .. } => "slow_first_byte",
            Self::SlowBody { .. } => "slow_body",
        }
    }

    /// Whether the client still gets the whole answer, if it waits.
    pub fn is_slowness(&self) -> bool {
        matches!(self, Self::SlowFirstByte { .. } | Self::SlowBody { .. })
    }
}

/// Which requests meet a fault, decided by a hash.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPlan {
    /// Share of attempts that meet a fault, in [0, 1]; 0 or no kinds for none.
    pub rate: f64,
    /// Seed of the choice.
    pub seed: u64,
    /// The faults drawn from, each equally often.
    pub kinds: Vec<Fault>,
}

impl FaultPlan {
    /// The fault of one attempt: `body` is the hash of the request, `attempt` counts from 0 for each body.
    pub(crate) fn fault(&self, body: u128, attempt: u64) -> Option<&Fault> {
        let mut key = [0u8; 24];
        key[..16].copy_from_slice(&body.to_le_bytes());
        key[16..].copy_from_slice(&attempt.to_le_bytes());
        let hash = xxh3_64_with_seed(&key, self.seed);
        let share = (hash >> 11) as f64 / (1u64 << 53) as f64;
        let meets_fault = share < self.rate;
        if !meets_fault || self.kinds.is_empty() {
            return None;
        }
        let kind = hash % self.kinds.len() as u64;
        self.kinds.get(kind as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_meets_its_rate_and_every_kind_and_spares_some_second_attempts() {
        let kinds = vec![Fault::Quota, Fault::Reset, Fault::CutBody];
        let plan = FaultPlan { rate: 0.3, seed: 7, kinds: kinds.clone() };
        let first: Vec<Option<&Fault>> = (0..10_000u128).map(|body| plan.fault(body, 0)).collect();
        let n_faults = first.iter().flatten().count() as f64;
        // A binomial's standard deviation is 46 here; four of them.
        assert!((n_faults - 3000.0).abs() < 184.0, "{n_faults}");
        for kind in &kinds {
            let n = first.iter().flatten().filter(|fault| **fault == kind).count() as f64;
            assert!((n - 1000.0).abs() < 120.0, "{kind:?}: {n}");
        }
        let failed: Vec<u128> = (0..10_000).filter(|body| first[*body as usize].is_some()).collect();
        let again = failed.iter().filter(|body| plan.fault(**body, 1).is_some()).count() as f64 / n_faults;
        assert!((again - 0.3).abs() < 0.04, "{again}");
        assert_eq!(plan.fault(5, 0), plan.clone().fault(5, 0));
    }

    #[test]
    fn a_plan_without_kinds_or_rate_never_fails() {
        assert!((0..1000).all(|body| FaultPlan { rate: 1.0, ..FaultPlan::default() }.fault(body, 0).is_none()));
        let never = FaultPlan { kinds: vec![Fault::Quota], ..FaultPlan::default() };
        assert!((0..1000).all(|body| never.fault(body, 0).is_none()));
    }
}
