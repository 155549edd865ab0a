//! Requests to the service.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use danube_wasm_egress_dial::{DialError, Dialer, Redirects, TlsSettings};
use reqwest::{Response, StatusCode, header::RETRY_AFTER};

use super::answer;
use crate::{
    config::Embedding,
    fault::Fault,
    limits::{EMBEDDINGS_BYTES_MAX, ERROR_BYTES_MAX, RETRY_AFTER_MAX},
    shown::shown,
};

/// Sends texts and reads vectors.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    config: Arc<Embedding>,
}

impl Client {
    pub(super) fn new(config: Arc<Embedding>, dialer: &Dialer) -> Result<Self, String> {
        let tls = TlsSettings::default()
            .client_config()
            .map_err(|error| error.to_string())?;
        let http = dialer
            .http_client(&tls, Redirects::None)
            .timeout(config.timeout)
            .build();
        let base = config.url.as_str().trim_end_matches('/');
        let url = match base.ends_with("/embeddings") {
            true => base.to_owned(),
            false => format!("{base}/embeddings"),
        };
        Ok(Self {
            http: http.map_err(|error| error.to_string())?,
            url,
            config,
        })
    }

    /// A vector for each text. A refusal is of one of the texts.
    pub(super) async fn request(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Fault> {
        let mut body = serde_json::json!({ "model": self.config.model, "input": texts, "encoding_format": "float" });
        if let Some(dimensions) = self.config.dimensions {
            body["dimensions"] = dimensions.into();
        }
        let mut request = self.http.post(&self.url).json(&body);
        if let Some(key) = &self.config.api_key {
            request = request.bearer_auth(key.expose());
        }
        let answer = request.send().await.map_err(|error| self.unanswered(&error))?;
        if !answer.status().is_success() {
            return Err(self.failed(answer).await);
        }
        let body = self.body(answer, EMBEDDINGS_BYTES_MAX).await?;
        let vectors = answer::read(&body, texts.len(), self.config.dimensions);
        vectors.map_err(|why| Fault::Unfit(format!("{} {why}; the records wait", self.who())))
    }

    fn who(&self) -> String {
        format!("the embedding service at {}", origin(&self.url))
    }

    fn unanswered(&self, error: &reqwest::Error) -> Fault {
        match DialError::within(error) {
            Some(error) => Fault::of_dial(&self.who(), error),
            None if error.is_timeout() => Fault::overload(
                format!(
                    "{} has not answered within {} ms",
                    self.who(),
                    self.config.timeout.as_millis()
                ),
                None,
            ),
            None => Fault::transient(format!("{} has not answered: {}", self.who(), innermost(error))),
        }
    }

    /// What a status says. No text is lost to one that may be about the service.
    async fn failed(&self, answer: Response) -> Fault {
        let (status, retry_after) = (answer.status(), retry_after(&answer));
        let said = self.body(answer, ERROR_BYTES_MAX).await.unwrap_or_default();
        let mut said = shown(&String::from_utf8_lossy(&said));
        if let Some(key) = &self.config.api_key {
            said = said.replace(key.expose(), "***");
        }
        let message = format!("{} answers {status}: {said}", self.who());
        match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Fault::Refused(message)
            }
            StatusCode::TOO_MANY_REQUESTS => Fault::overload(message, retry_after),
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT => Fault::transient(message),
            status if status.is_server_error() => Fault::overload(message, retry_after),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Fault::Unfit(format!("{message}. Check its `api_key`; the records wait"))
            }
            StatusCode::NOT_FOUND => Fault::Unfit(format!("{message}. Check its `url` and `model`; the records wait")),
            _ => Fault::Unfit(format!("{message}. Check its `url`; the records wait")),
        }
    }

    async fn body(&self, mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unanswered(&error))? {
            if body.len() + chunk.len() > bytes_max {
                return Err(Fault::Unfit(format!(
                    "{} answers with more than {bytes_max} bytes",
                    self.who()
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn origin(url: &str) -> String {
    let origin = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
    origin.unwrap_or_default()
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Seconds or a date.
fn retry_after(answer: &Response) -> Option<Duration> {
    let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            at.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}
