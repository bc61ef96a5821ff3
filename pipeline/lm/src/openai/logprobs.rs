//! Log-probabilities in the forms that servers give them, as [`TokenScore`]s.
//!
//! Three forms: OpenAI's legacy lists side by side (`tokens`, `token_logprobs`, `top_logprobs`; vLLM writes `null` for
//! what has none), the conversations' list of objects (`content`; llama.cpp gives it for bare texts too), and vLLM's
//! `prompt_logprobs`, one map from token id to score per position.

use serde_json::{Map, Value};

use crate::request::TokenScore;

/// Largest value taken for a log-probability: rounding may carry one a little above 0.
const LARGEST: f64 = 1e-3;

/// The tokens of a `logprobs` value in either of its forms; none when it has neither or its lists differ in length.
/// `n_top` alternatives were asked for.
pub(crate) fn tokens(logprobs: &Value, n_top: usize) -> Option<Vec<TokenScore>> {
    if let Some(content) = logprobs["content"].as_array() {
        return content.iter().map(|entry| entry_score(entry, n_top)).collect();
    }
    let texts = logprobs["tokens"].as_array()?;
    let scores = logprobs["token_logprobs"].as_array()?;
    let tops = logprobs["top_logprobs"].as_array();
    if texts.len() != scores.len() || tops.is_some_and(|tops| tops.len() != texts.len()) {
        return None;
    }
    let one = |(i, (text, score)): (usize, (&Value, &Value))| {
        let top = tops.and_then(|tops| tops[i].as_object()).map(map_top).unwrap_or_default();
        Some(score_of(text.as_str()?.to_owned(), score.as_f64(), top, n_top))
    };
    texts.iter().zip(scores).enumerate().map(one).collect()
}

/// The tokens of vLLM's `prompt_logprobs`; none for a position without scores, the first of a text. The token of the
/// text is the one with the id in `ids`, and when there are no ids the first of its map.
pub(crate) fn prompt_tokens(
    positions: &Value,
    ids: Option<&Vec<Value>>,
    n_top: usize,
) -> Option<Vec<Option<TokenScore>>> {
    let positions = positions.as_array()?;
    let ids = ids.filter(|ids| ids.len() == positions.len());
    let one = |(i, position): (usize, &Value)| {
        let Some(scores) = position.as_object() else { return Some(None) };
        let own = match ids {
            Some(ids) => scores.get(&ids[i].to_string()),
            None => scores.values().next(),
        }?;
        let mut top: Vec<(String, f64)> = scores.values().filter_map(decoded).collect();
        sort(&mut top);
        top.truncate(n_top);
        let (token, logprob) = decoded(own)?;
        let rank = own["rank"].as_u64().and_then(|rank| u32::try_from(rank).ok()).filter(|rank| *rank > 0);
        Some(Some(TokenScore { token, logprob: Some(logprob), rank, top, entropy: None }))
    };
    positions.iter().enumerate().map(one).collect()
}

/// What is wrong with the values: `may_lack` tokens from the start may have none.
pub(crate) fn problem<'a>(scores: impl IntoIterator<Item = &'a TokenScore>, may_lack: usize) -> Option<String> {
    for (i, score) in scores.into_iter().enumerate() {
        match score.logprob {
            None if i < may_lack => {}
            None => return Some(format!("token {} ({:?}) has no log-probability", i + 1, score.token)),
            Some(value) if value.is_nan() || value > LARGEST => {
                return Some(format!("token {} ({:?}) has {value}, which is no log-probability", i + 1, score.token));
            }
            Some(_) => {}
        }
    }
    None
}

fn entry_score(entry: &Value, n_top: usize) -> Option<TokenScore> {
    let top = entry["top_logprobs"].as_array().map(|entries| {
        let pair = |entry: &Value| Some((entry["token"].as_str()?.to_owned(), entry["logprob"].as_f64()?));
        entries.iter().filter_map(pair).collect()
    });
    let token = entry["token"].as_str()?.to_owned();
    Some(score_of(token, entry["logprob"].as_f64(), top.unwrap_or_default(), n_top))
}

fn map_top(top: &Map<String, Value>) -> Vec<(String, f64)> {
    top.iter().filter_map(|(token, score)| Some((token.clone(), score.as_f64()?))).collect()
}

fn decoded(score: &Value) -> Option<(String, f64)> {
    Some((score["decoded_token"].as_str()?.to_owned(), score["logprob"].as_f64()?))
}

/// The rank is known when the token is among the likeliest that were asked for; servers add it to them when it is not.
fn score_of(token: String, logprob: Option<f64>, mut top: Vec<(String, f64)>, n_top: usize) -> TokenScore {
    sort(&mut top);
    let place = top.iter().take(n_top).position(|(other, _)| *other == token);
    let rank = place.and_then(|place| u32::try_from(place + 1).ok());
    top.truncate(n_top);
    TokenScore { token, logprob, rank, top, entropy: None }
}

/// Likeliest first; equal ones in the server's order.
fn sort(top: &mut [(String, f64)]) {
    top.sort_by(|a, b| b.1.total_cmp(&a.1));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_legacy_lists_are_read_with_their_nulls() {
        let logprobs = json!({
            "tokens": ["The", " cat", "!"],
            "token_logprobs": [null, -2.5, -9.0],
            "top_logprobs": [null, {" cat": -2.5, " dog": -0.5}, {".": -0.1, ",": -3.0, "!": -9.0}],
            "text_offset": [0, 3, 7],
        });
        let scores = tokens(&logprobs, 2).unwrap();
        assert_eq!((scores[0].logprob, scores[0].top.len()), (None, 0));
        assert_eq!((scores[1].logprob, scores[1].rank), (Some(-2.5), Some(2)));
        assert_eq!(scores[1].top, [(" dog".to_owned(), -0.5), (" cat".to_owned(), -2.5)]);
        // Added by the server beyond the two that were asked for: its rank is not known.
        assert_eq!((scores[2].rank, scores[2].top.len()), (None, 2));
        assert!(tokens(&json!({"tokens": ["a", "b"], "token_logprobs": [-1.0]}), 1).is_none());
        assert_eq!(
            tokens(&json!({"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": null}), 1).unwrap().len(),
            1
        );
        assert!(tokens(&json!(null), 1).is_none());
    }

    #[test]
    fn the_conversations_form_is_read() {
        let logprobs = json!({"content": [
            {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.5}]},
            {"token": "b", "logprob": -1.5},
        ]});
        let scores = tokens(&logprobs, 1).unwrap();
        assert_eq!((scores[0].rank, scores[1].rank, scores[1].logprob), (Some(1), None, Some(-1.5)));
    }

    #[test]
    fn vllms_maps_are_read_with_and_without_ids() {
        let positions = json!([
            null,
            {"7": {"logprob": -4.0, "rank": 9, "decoded_token": " cat"}, "5": {"logprob": -0.5, "rank": 1, "decoded_token": " dog"}},
        ]);
        let ids = vec![json!(1), json!(5)];
        let by_order = prompt_tokens(&positions, None, 1).unwrap();
        let by_id = prompt_tokens(&positions, Some(&ids), 1).unwrap();
        assert!(by_order[0].is_none());
        let read =
            |scores: &[Option<TokenScore>]| scores[1].as_ref().map(|score| (score.token.clone(), score.rank)).unwrap();
        assert_eq!((read(&by_order), read(&by_id)), ((" cat".to_owned(), Some(9)), (" dog".to_owned(), Some(1))));
        assert_eq!(by_order[1].as_ref().unwrap().top, [(" dog".to_owned(), -0.5)]);
    }

    #[test]
    fn values_that_are_no_log_probabilities_are_told() {
        let scores = |values: &[Option<f64>]| -> Vec<TokenScore> {
            values.iter().map(|value| score_of("a".into(), *value, Vec::new(), 0)).collect()
        };
        assert_eq!(problem(&scores(&[None, Some(-1.0), Some(0.0)]), 1), None);
        assert!(problem(&scores(&[None, Some(-1.0)]), 0).unwrap().contains("token 1"));
        assert!(problem(&scores(&[Some(-1.0), Some(0.7)]), 1).unwrap().contains("0.7"));
    }
}
