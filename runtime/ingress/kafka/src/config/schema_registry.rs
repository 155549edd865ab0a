//! The registry that says what records were written with.

use std::time::Duration;

use danube_wasm_egress_dial::config::{Guard, TlsTexts};
use danube_wasm_settings::{
    Secret, Section, Table,
    kinds::{Credential, Millis, Parsed, SecretText},
    values::HttpUrl,
};
use url::Url;

use crate::limits::REGISTRY_TIMEOUT;

/// A schema registry, and how it is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaRegistryConfig {
    /// Where its API begins.
    pub url: Url,
    /// How it knows this source.
    pub login: Login,
    /// Which addresses may be dialed.
    pub guard: Guard,
    /// Whom to trust.
    pub tls: TlsTexts,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

/// How a registry knows this source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Not at all.
    Nobody,
    /// A user and a password.
    User {
        /// The user; without a colon.
        username: String,
        /// The password; a user may have none.
        password: Option<Secret>,
    },
    /// A token.
    Token(Secret),
}

impl SchemaRegistryConfig {
    /// Its address without what must not be shown.
    pub(crate) fn address(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
            .trim_end_matches('/')
            .to_owned()
    }
}

impl Section for SchemaRegistryConfig {
    const ABOUT: &'static str = "The schema registry that records of routes with `value = \"registry\"` or `key = \"registry\"` name their \
        schemas in: Confluent's, and others with its API. They are decoded with the schema that they were written with, Avro, Protobuf or JSON \
        Schema, to JSON. It is asked once for each schema; while it does not answer, what needs it waits.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field(
                "url",
                Parsed::<HttpUrl>::new("a URL"),
                "Where its API begins: `/schemas/ids/…` is below it.",
            )
            .example("\"https://registry.example:8081\"")
            .required();
        let login = Login::read(t);
        let guard = Guard::read(t);
        let tls = t.group("tls").optional::<TlsTexts>();
        let timeout = t
            .field(
                "timeout_ms",
                Millis(100..=600_000),
                "Longest wait for an answer, the connection included. Then it is asked again.",
            )
            .or(REGISTRY_TIMEOUT);
        Some(Self {
            // It was parsed as a URI before.
            url: Url::parse(url?.as_str()).ok()?,
            login: login?,
            guard: guard?,
            tls: tls.unwrap_or_default(),
            timeout,
        })
    }
}

impl Login {
    fn read(t: &mut Table<'_>) -> Option<Self> {
        let username = t
            .field("username", Credential, "The user, or the name of an API key.")
            .example("\"danube\"")
            .optional();
        let password = t
            .field("password", SecretText, "The user's password, or the API key's secret.")
            .example("\"${REGISTRY_PASSWORD}\"")
            .optional();
        let token = t
            .field(
                "token",
                SecretText,
                "A token, sent as `authorization: Bearer TOKEN`, instead of a user.",
            )
            .example("{ file = \"secrets/registry-token\" }")
            .optional();
        let wrong = match (&username, t.given("password"), t.given("token")) {
            (Some(name), ..) if name.contains(':') => Some((
                "username",
                "`username` holds a `:`, at which servers end the name",
                "choose a user without one",
            )),
            (None, true, _) if !t.given("username") => {
                Some(("password", "`password` needs `username`", "add `username`"))
            }
            (Some(_), _, true) => Some(("token", "`token` and `username` are both given", "keep one of them")),
            _ => None,
        };
        if let Some((key, message, help)) = wrong {
            t.session().error(&t.span(key), message, help);
            return None;
        }
        Some(match (username, token) {
            (Some(username), _) => Self::User { username, password },
            (None, Some(token)) => Self::Token(token),
            (None, None) => Self::Nobody,
        })
    }
}
