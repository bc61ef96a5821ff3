//! Embeddings, one text at a time: the pool keeps many requests on their way, and each text has a key of its own.

use serde_json::{Map, Value, json};

use super::OpenAi;
use super::batch::Route;
use crate::error::{Failure, WorkerError};
use crate::request::{EmbedRequest, Embedded};
use crate::worker::Worker;

/// The embedding of a text.
pub(super) async fn embed(worker: &OpenAi, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
    let mut fields = Map::new();
    fields.insert("model".into(), worker.settings.model.as_str().into());
    fields.insert("input".into(), request.text.as_str().into());
    fields.insert("encoding_format".into(), "float".into());
    if let Some(dimensions) = request.dimensions {
        fields.insert("dimensions".into(), json!(dimensions));
    }
    let answer = worker.send(Route::Embeddings, &request.key(&worker.identity()), &fields).await?;
    if answer["data"].is_null() && (!answer["error"].is_null() || answer["object"] == "error") {
        return Err(worker.error_in_answer(&answer));
    }
    read(&answer).map_err(|problem| WorkerError {
        status: Some(200),
        ..worker.wire.error(Failure::Abnormal, &format!("the answer {problem}"))
    })
}

/// The one vector of an answer.
fn read(answer: &Value) -> Result<Embedded, &'static str> {
    let [only] = answer["data"].as_array().map_or(&[][..], Vec::as_slice) else {
        return Err("holds no embedding, or several");
    };
    let mut values = only["embedding"].as_array().filter(|values| !values.is_empty());
    if let Some(points) = values.filter(|points| points[0].is_array()) {
        let [point] = points.as_slice() else {
            return Err("holds a point for each token and none for the text: start the server with pooling");
        };
        values = point.as_array().filter(|values| !values.is_empty());
    }
    let values = values.ok_or("holds an embedding that is no list of numbers")?;
    let vector: Option<Vec<f32>> = values.iter().map(|x| x.as_f64().map(|x| x as f32)).collect();
    let vector = vector.filter(|vector| vector.iter().all(|x| x.is_finite()));
    let vector = vector.ok_or("holds an embedding with values that are no finite numbers")?;
    Ok(Embedded { vector, prompt_tokens: answer["usage"]["prompt_tokens"].as_u64().unwrap_or(0), cached: false })
}

/// Whether the server gives embeddings: of one length, and others for another text.
pub(super) async fn try_embeddings(worker: &OpenAi) -> Result<String, String> {
    let mut found = Vec::new();
    for text in ["a quiet river", "seven loud trumpets"] {
        let request = EmbedRequest { text: text.to_owned(), dimensions: None };
        found.push(embed(worker, &request).await.map_err(|error| error.message)?.vector);
    }
    match found[0].len() == found[1].len() && found[0] != found[1] {
        true => Ok(format!("{} dimensions", found[0].len())),
        false => Err("two texts have one embedding, or such of different lengths".to_owned()),
    }
}
