//! Tokens of OAuth 2 by client credentials: kept until shortly before they end, made anew where the endpoint refuses one.

use std::time::Duration;

use bytes::Bytes;
use danube_wasm_egress_dial::Dialer;
use danube_wasm_settings::Secret;
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use url::form_urlencoded;

use crate::{
    answer::{self, Answer, Reading},
    client::Client,
    config::{Auth, ClientAuth, Endpoint},
    limits::{ANSWER_BYTES_MAX, TOKEN_LIFETIME_DEFAULT, TOKEN_RENEWED_BEFORE},
    retry_after,
    shown::Words,
    verdict::{Failure, FailureKind},
};

/// The tokens of one endpoint.
pub(crate) struct Tokens {
    client: Client,
    uri: Uri,
    who: String,
    body: Bytes,
    basic: Option<HeaderValue>,
    timeout: Duration,
    words: Words,
    /// Locked while one is made, so that one request makes it for all that wait.
    current: Mutex<Option<Token>>,
}

struct Token {
    text: Secret,
    value: HeaderValue,
    renew_at: Instant,
}

/// What an issuer answers (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct Issued {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Tokens {
    pub(super) fn new(endpoint: &Endpoint, auth: &Auth, dialer: &Dialer) -> Result<Self, String> {
        let Auth::OAuth2 {
            token_url,
            client_id,
            client_secret,
            scope,
            audience,
            client_auth,
        } = auth
        else {
            return Err("these are no client credentials".to_owned());
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        let optional = [("scope", scope), ("audience", audience)];
        for (name, value) in optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        {
            form.append_pair(name, value);
        }
        let basic = match client_auth {
            ClientAuth::Basic => {
                // RFC 6749, section 2.3.1: both are encoded as in a form first.
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = super::basic(&encoded(client_id), &encoded(client_secret.expose()));
                Some(super::secret_value(&format!("Basic {pair}"))?)
            }
            ClientAuth::Body => {
                form.append_pair("client_id", client_id)
                    .append_pair("client_secret", client_secret.expose());
                None
            }
        };
        let client = Client::new(dialer.clone(), &endpoint.tls.settings(), endpoint.connect_timeout, 1);
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            uri: token_url.uri("")?,
            who: format!(
                "the issuer of tokens for endpoint `{}` at {}",
                endpoint.name,
                token_url.origin()
            ),
            body: form.finish().into(),
            basic,
            timeout: endpoint.timeout,
            words: Words::of(endpoint),
            current: Mutex::new(None),
        })
    }

    /// A token that is not `refused`.
    pub(super) async fn next(&self, refused: Option<&str>) -> Result<(String, HeaderValue), Failure> {
        let mut current = self.current.lock().await;
        let is_good = |token: &&Token| token.renew_at > Instant::now() && refused != Some(token.text.expose());
        if current.as_ref().filter(is_good).is_none() {
            *current = Some(self.make().await?);
        }
        match &*current {
            Some(token) => Ok((token.text.expose().to_owned(), token.value.clone())),
            None => Err(Failure::new(FailureKind::Passes, format!("{} gave none", self.who))),
        }
    }

    async fn make(&self) -> Result<Token, Failure> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(basic) = &self.basic {
            headers.insert(AUTHORIZATION, basic.clone());
        }
        let reading = Reading {
            timeout: self.timeout,
            bytes_max: ANSWER_BYTES_MAX,
        };
        let asked = Instant::now();
        let answer = answer::send(&self.client, request, reading, &self.who).await?;
        self.issued(&answer, asked)
    }

    fn issued(&self, answer: &Answer, asked: Instant) -> Result<Token, Failure> {
        let (status, who) = (answer.status, &self.who);
        let said = || self.words.quoted(&answer.body, None);
        match status.as_u16() {
            200..=299 => {}
            408 | 425 | 429 | 500..=599 => {
                return Err(Failure {
                    retry_after: retry_after::of(&answer.headers, std::time::SystemTime::now()),
                    ..Failure::new(FailureKind::Passes, format!("{who} answers {status}{}", said()))
                });
            }
            _ => {
                let cure = "check `token_url`, `client_id`, `client_secret` and `scope` of its `auth`";
                let message = format!("{who} answers {status}{}: {cure}", said());
                return Err(Failure::new(FailureKind::Unfit, message));
            }
        }
        // Never with what was answered: it may hold the token.
        let unusable = |what: &str| {
            let message = format!("{who} answers {status}, and {what}: check `token_url`");
            Failure::new(FailureKind::Unfit, message)
        };
        let issued: Issued =
            serde_json::from_slice(&answer.body).map_err(|_| unusable("what it answers is no token"))?;
        if issued
            .token_type
            .as_ref()
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(unusable("its token is not of the type `bearer`"));
        }
        let value = super::secret_value(&format!("Bearer {}", issued.access_token));
        let lifetime = issued.expires_in.map_or(TOKEN_LIFETIME_DEFAULT, Duration::from_secs);
        // One that ends soon is used for half of its life.
        let renewed_after = lifetime
            .checked_sub(TOKEN_RENEWED_BEFORE)
            .unwrap_or_default()
            .max(lifetime / 2);
        Ok(Token {
            value: value.map_err(|_| unusable("its token cannot be put into a header"))?,
            text: Secret::new(issued.access_token),
            renew_at: asked + renewed_after.min(Duration::from_secs(86_400)),
        })
    }
}
