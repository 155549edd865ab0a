//! Requests to the registry's API.

use std::{error::Error, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_egress_dial::{DialError, Dialer, Redirects};
use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT},
};
use serde::Deserialize;
use url::Url;

use crate::{
    config::{Login, SchemaRegistryConfig},
    limits::{REGISTRY_ANSWER_BYTES_MAX, REGISTRY_SAID_CHARS_MAX},
};

const AGENT: &str = concat!("danube-wasm/", env!("CARGO_PKG_VERSION"));
const JSON: &str = "application/vnd.schemaregistry.v1+json, application/json";

/// Asks a registry. Follows no redirect, uses no proxy, sends nothing by itself.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    who: String,
    /// What the registry might repeat, and nobody is to see.
    secret: Option<String>,
}

/// Why there is no schema.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nothing is known of it until somebody mends this, or it passes: a message.
    Away(String),
    /// The registry does not know it, now.
    Unknown(String),
    /// It is no use, ever.
    Unfit(String),
}

/// A schema, as the registry has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) schema: String,
    pub(super) schema_type: Option<String>,
    #[serde(default)]
    pub(super) references: Vec<Reference>,
}

/// Another schema that one needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) subject: String,
    pub(super) version: u32,
}

/// What a registry says when it has no answer.
#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
    #[serde(default)]
    message: String,
}

impl Client {
    pub(super) fn new(config: &SchemaRegistryConfig) -> Result<Self, String> {
        let tls = config
            .tls
            .settings()
            .client_config()
            .map_err(|error| format!("`schema_registry.tls`: {error}"))?;
        let http = Dialer::new(config.guard.policy())
            .http_client(&tls, Redirects::None)
            .build()
            .map_err(|error| error.to_string())?;
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        headers.extend(credentials(&config.login)?.map(|value| (AUTHORIZATION, value)));
        Ok(Self {
            http,
            url: config.url.clone(),
            headers,
            timeout: config.timeout,
            who: format!("the schema registry at {}", config.address()),
            secret: match &config.login {
                Login::User {
                    password: Some(secret), ..
                }
                | Login::Token(secret) => Some(secret.expose().to_owned()),
                Login::User { .. } | Login::Nobody => None,
            },
        })
    }

    /// The registry, for messages.
    pub(super) fn who(&self) -> &str {
        &self.who
    }

    /// A schema by its id.
    pub(super) async fn schema(&self, id: u32) -> Result<Answer, Fault> {
        let answer = self.get(&["schemas", "ids", &id.to_string()]).await;
        answer.map_err(|fault| self.unknown(fault, &format!("schema {id}")))
    }

    /// A version of a subject, which schema `id` refers to. One that was deleted is still what was written with.
    pub(super) async fn version(&self, id: u32, reference: &Reference) -> Result<Answer, Fault> {
        let Reference { subject, version, .. } = reference;
        let answer = self.get(&["subjects", subject, "versions", &version.to_string()]).await;
        let subject = self.shown(subject.as_bytes());
        let what = format!("version {version} of subject `{subject}`, which schema {id} refers to");
        answer.map_err(|fault| self.unknown(fault, &what))
    }

    fn unknown(&self, fault: Fault, what: &str) -> Fault {
        match fault {
            Fault::Unknown(said) => Fault::Unknown(format!("{} does not know {what}: {said}", self.who)),
            fault => fault,
        }
    }

    async fn get(&self, path: &[&str]) -> Result<Answer, Fault> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.set_query((path[0] == "subjects").then_some("deleted=true"));
        let exchange = async {
            let request = self.http.get(url).headers(self.headers.clone());
            let mut response = request.send().await.map_err(|error| self.failed(&error))?;
            let body = self.read(&mut response).await?;
            self.classify(response.status(), &body)
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => {
                let (who, ms) = (&self.who, self.timeout.as_millis());
                Err(Fault::Away(format!("{who} has not answered in {ms} ms")))
            }
        }
    }

    async fn read(&self, response: &mut Response) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + chunk.len() > REGISTRY_ANSWER_BYTES_MAX {
                let who = &self.who;
                return Err(Fault::Unfit(format!(
                    "{who} gives a schema of more than {REGISTRY_ANSWER_BYTES_MAX} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Only what the registry itself says of an id is taken for an answer about it: a proxy knows no schemas.
    fn classify(&self, status: StatusCode, body: &[u8]) -> Result<Answer, Fault> {
        let who = &self.who;
        let away = |cure: &str| {
            let said = self.shown(body);
            Err(Fault::Away(format!("{who} answers {status}: \"{said}\"; {cure}")))
        };
        match status.as_u16() {
            200..=299 => match serde_json::from_slice(body) {
                Ok(answer) => Ok(answer),
                Err(_) => away("that is no schema: write in `schema_registry.url` where its API begins"),
            },
            300..=399 => away("redirects are not followed: write in `schema_registry.url` where it leads to"),
            401 | 403 | 407 => {
                away("correct `username` and `password`, or `token`, of `schema_registry`, or let this user read there")
            }
            404 => match serde_json::from_slice(body) {
                Ok(Refusal { error_code, message }) if (40400..40500).contains(&error_code) => {
                    let said = self.shown(message.as_bytes());
                    Err(Fault::Unknown(format!("\"{said}\" ({error_code})")))
                }
                _ => away("that is no schema registry's answer: correct the path of `schema_registry.url`"),
            },
            _ => away("it is asked again"),
        }
    }

    /// Why there is no answer.
    fn failed(&self, error: &reqwest::Error) -> Fault {
        let who = &self.who;
        if let Some(dial) = DialError::within(error) {
            return Fault::Away(format!("{who}: {dial}"));
        }
        let mut words = String::new();
        let mut cause: Option<&dyn Error> = Error::source(error);
        while let Some(error) = cause {
            words = format!(": {error}");
            cause = error.source();
        }
        Fault::Away(match error.is_connect() {
            true => {
                format!(
                    "{who} cannot be connected to{words}: check `url` and `tls` of `schema_registry`, and that it runs"
                )
            }
            false => format!("{who}: the connection failed{words}"),
        })
    }

    /// The registry's own words, short, printable, and without our secret.
    pub(super) fn shown(&self, said: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(said).into_owned();
        if let Some(secret) = self.secret.as_deref().filter(|secret| secret.len() >= 4) {
            text = text.replace(secret, "***");
        }
        let words: Vec<_> = text
            .split(|char: char| char.is_control() || char == ' ')
            .filter(|word| !word.is_empty())
            .collect();
        words.join(" ").chars().take(REGISTRY_SAID_CHARS_MAX).collect()
    }
}

fn credentials(login: &Login) -> Result<Option<HeaderValue>, String> {
    let text = match login {
        Login::Nobody => return Ok(None),
        Login::User { username, password } => {
            let password = password.as_ref().map_or("", |password| password.expose());
            format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
        }
        Login::Token(token) => format!("Bearer {}", token.expose()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        "the token of `schema_registry` cannot be in a header: it holds a line's end or the like".to_owned()
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}
