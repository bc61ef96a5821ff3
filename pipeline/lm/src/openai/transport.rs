//! The wire: one request, one whole answer, or the failure that it was.
//!
//! async-openai builds the requests; this service stands where its own executor would. It reads status, headers and the
//! whole body, each within its time, before anything parses, so that a refusal keeps its status and `Retry-After`
//! whatever its body is. It asks once: asking again is the pool's part. (async-openai 0.43 as it comes asks four times,
//! without jitter or a default timeout, and loses the status of refusals whose body is not OpenAI's.)
//!
//! Credentials are put on here, as headers marked sensitive; async-openai never has them, nor those it would read from
//! the environment (`OPENAI_API_KEY` must not reach a server that the config names another way).

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};
use serde::de::IgnoredAny;
use tokio::time::timeout;

use super::allowance::Allowance;
use super::errors::classify;
use super::events;
use super::redact::Redactor;
use super::settings::{OpenAiSettings, Secret};
use crate::error::{Failure, WorkerError, cut};

/// Most characters of a body that is no answer, shown in the error.
const SHOWN_CHARS: usize = 200;

/// Longest file of a batch's answers, in bytes: 10,000 embeddings of 3,072 dimensions are some 400 MB.
const MAX_FILE_BYTES: usize = 1 << 30;

/// Names of headers whose values are credentials contain one of these.
const CREDENTIAL_HEADERS: &[&str] = &["auth", "key", "token", "secret", "cookie"];

/// What every request of a worker shares.
pub(crate) struct Wire {
    worker: String,
    http: reqwest::Client,
    headers: HeaderMap,
    redactor: Redactor,
    allowance: Allowance,
    first_byte: Duration,
    idle: Duration,
    total: Duration,
    max_body_bytes: usize,
}

/// The service that async-openai sends its requests through.
#[derive(Clone)]
pub(crate) struct Transport(Arc<Wire>);

/// A failure on its way through async-openai, which hands it back as it is.
#[derive(Debug)]
pub(crate) struct Lost(WorkerError);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Lost {}

impl From<Lost> for OpenAIError {
    fn from(lost: Lost) -> Self {
        Self::Boxed(Box::new(lost))
    }
}

impl tower::Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = Lost;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Lost>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let wire = Arc::clone(&self.0);
        Box::pin(async move { wire.answer(request).await.map_err(Lost) })
    }
}

impl Wire {
    /// The wire to a server, and a client that uses it.
    pub(crate) fn open(settings: &OpenAiSettings) -> Result<(Arc<Self>, Client<OpenAIConfig>), WorkerError> {
        let config = |message: String| WorkerError::new(&settings.name, Failure::Unsupported, message);
        let url = address(&settings.base_url).map_err(config)?;
        let headers = headers(settings).map_err(config)?;
        let at_least = |time: Duration| time.max(Duration::from_millis(1));
        let http = http_client(&url, at_least(settings.connect_timeout))
            .map_err(|error| config(format!("cannot set up HTTP: {}", chain(&error))))?;
        let wire = Arc::new(Self {
            worker: settings.name.clone(),
            http: http.clone(),
            redactor: Redactor::new(credentials(settings)),
            headers,
            allowance: Allowance::default(),
            first_byte: at_least(settings.first_byte_timeout),
            idle: at_least(settings.idle_timeout),
            total: at_least(settings.total_timeout),
            max_body_bytes: settings.max_body_bytes,
        });
        let base = OpenAIConfig::default()
            .with_api_base(url.as_str().trim_end_matches('/'))
            .with_api_key("")
            .with_org_id("")
            .with_project_id("");
        let client = Client::build(http, base).with_http_service(Transport(Arc::clone(&wire)));
        Ok((wire, client))
    }

    /// What async-openai gives back, as ours.
    pub(crate) fn failure(&self, error: OpenAIError) -> WorkerError {
        let (failure, message) = match error {
            OpenAIError::Boxed(inner) => match inner.downcast::<Lost>() {
                Ok(lost) => return lost.0,
                Err(other) => (Failure::Abnormal, other.to_string()),
            },
            OpenAIError::InvalidArgument(message) => (Failure::BadRequest, message),
            OpenAIError::Reqwest(error) if error.is_builder() => (Failure::BadRequest, chain(&error.without_url())),
            OpenAIError::Reqwest(error) => (Failure::Connection, chain(&error.without_url())),
            other => (Failure::Abnormal, other.to_string()),
        };
        self.error(failure, &message)
    }

    pub(crate) fn error(&self, failure: Failure, message: &str) -> WorkerError {
        WorkerError::new(&self.worker, failure, cut(&self.redactor.redact(message), 2 * SHOWN_CHARS))
    }

    /// How long the server's allowance is still used up, as it said itself.
    pub(crate) fn spent_for(&self) -> Duration {
        self.allowance.spent_for()
    }

    /// A text without this worker's credentials.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.redactor.redact(text)
    }

    /// The failure that an answer with a status and a body is.
    pub(crate) fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> WorkerError {
        classify(&self.worker, status, headers, body, &self.redactor)
    }

    async fn answer(&self, request: HttpRequestFactory) -> Result<Response, WorkerError> {
        let mut request = request.build().await.map_err(|error| self.failure(error))?;
        request.headers_mut().remove(AUTHORIZATION);
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        match timeout(self.total, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(self.late("no whole answer", self.total)),
        }
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Response, WorkerError> {
        // A file of a batch: JSON by the line, read as such by who asked for it.
        let is_file = request.url().path().ends_with("/content");
        let mut response = match timeout(self.first_byte, self.http.execute(request)).await {
            Err(_) => return Err(self.late("no answer", self.first_byte)),
            Ok(Err(error)) => {
                let doing = if error.is_connect() { "cannot connect" } else { "the connection was lost" };
                return Err(self.error(Failure::Connection, &format!("{doing}: {}", chain(&error.without_url()))));
            }
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        self.allowance.observe(response.headers());
        let most = if is_file { MAX_FILE_BYTES.max(self.max_body_bytes) } else { self.max_body_bytes };
        let body = self.body(&mut response, most).await;
        if !status.is_success() {
            // A refusal whose body does not come whole is still a refusal.
            let body = body.unwrap_or_default();
            return Err(self.refusal(status.as_u16(), response.headers(), &body));
        }
        let body = body.map_err(|error| WorkerError { status: Some(status.as_u16()), ..error })?;
        let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
            kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"))
        });
        let body = if is_stream {
            let folded = events::fold(&body).map_err(|problem| self.error(Failure::Abnormal, &problem))?;
            folded.to_string().into()
        } else {
            body
        };
        if !is_file && let Err(error) = serde_json::from_slice::<IgnoredAny>(&body) {
            let shown = cut(&self.redactor.redact(String::from_utf8_lossy(&body).trim()), SHOWN_CHARS);
            let message = format!("the answer is no JSON ({error}): {shown}");
            return Err(WorkerError { status: Some(status.as_u16()), ..self.error(Failure::Abnormal, &message) });
        }
        let mut whole = http::Response::new(self.redactor.redact_body(body));
        *whole.status_mut() = status;
        Ok(Response::from(whole))
    }

    /// The whole body.
    async fn body(&self, response: &mut Response, most: usize) -> Result<Bytes, WorkerError> {
        let mut body = BytesMut::new();
        loop {
            match timeout(self.idle, response.chunk()).await {
                Err(_) => {
                    return Err(self.late(&format!("silence after {} bytes of the answer", body.len()), self.idle));
                }
                Ok(Err(error)) => {
                    let message =
                        format!("the answer broke off after {} bytes: {}", body.len(), chain(&error.without_url()));
                    return Err(self.error(Failure::Abnormal, &message));
                }
                Ok(Ok(None)) => return Ok(body.freeze()),
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > most => {
                    let message = format!("the answer is longer than {most} bytes");
                    return Err(self.error(Failure::Abnormal, &message));
                }
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            }
        }
    }

    fn late(&self, what: &str, time: Duration) -> WorkerError {
        self.error(Failure::Timeout, &format!("{what} within {} s", time.as_secs_f64()))
    }
}

fn address(base_url: &str) -> Result<Url, String> {
    let url = Url::parse(base_url.trim()).map_err(|error| format!("base_url is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("base_url must begin with http:// or https:// and a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("base_url must hold neither credentials nor `?` or `#`".to_owned());
    }
    Ok(url)
}

/// The headers of every request. Errors name a header, never its value.
fn headers(settings: &OpenAiSettings) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &settings.api_key {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
            .map_err(|_| "the key holds characters that no header may hold".to_owned())?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in &settings.headers {
        let bad = || format!("`{}` is no header", name.escape_debug());
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// What must never be shown.
fn credentials(settings: &OpenAiSettings) -> impl Iterator<Item = String> {
    let is_credential = |name: &str| CREDENTIAL_HEADERS.iter().any(|mark| name.to_ascii_lowercase().contains(mark));
    let headers = settings.headers.iter().filter(move |(name, _)| is_credential(name));
    // Of `Token abc` a server may repeat `abc` only.
    let values = headers.flat_map(|(_, value)| [Some(value.as_str()), value.split_whitespace().next_back()]);
    settings.api_key.iter().map(Secret::expose).chain(values.flatten()).map(str::to_owned)
}

/// An HTTP client that asks once and follows nothing: a redirected POST would arrive as a GET.
fn http_client(url: &Url, connect: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // Fails only when the process has a provider already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(connect)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    if url.scheme() == "http" {
        // No certificates are needed, and bare containers have none to load.
        builder = builder.tls_certs_only([]);
    }
    if url.host_str().is_some_and(is_loopback) {
        builder = builder.no_proxy();
    }
    builder.build()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An error with its causes: the outermost alone often says nothing.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_address_or_header_is_refused_without_showing_credentials() {
        let open = |settings: &OpenAiSettings| Wire::open(settings).err().map(|error| error.message);
        for url in ["", "localhost:80", "ftp://h/v1", "http://u:hunter2@h/v1", "http://h/v1?key=hunter2", "http://"] {
            let message = open(&OpenAiSettings::new("w", url, "m")).unwrap();
            assert!(message.contains("base_url") && !message.contains("hunter2"), "{message}");
        }
        let mut settings = OpenAiSettings::new("w", "http://h/v1/", "m");
        assert_eq!(open(&settings), None);
        settings.headers.insert("x-key".into(), "hunter2\n".into());
        assert_eq!(open(&settings).unwrap(), "`x-key` is no header");
        settings.headers.clear();
        settings.api_key = Some(Secret::new("hunter2\u{7f}"));
        assert!(!open(&settings).unwrap().contains("hunter2"));
    }

    #[test]
    fn https_is_set_up_with_our_only_provider() {
        let url = address("https://example.com/v1").unwrap();
        assert!(http_client(&url, Duration::from_secs(1)).is_ok());
    }
}
