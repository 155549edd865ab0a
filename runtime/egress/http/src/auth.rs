//! How a request says who sends it.

mod oauth2;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_egress_dial::Dialer;
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};

use crate::{
    config::{Auth, Endpoint},
    verdict::Failure,
};
use oauth2::Tokens;

/// Gives each request its credentials.
pub(crate) enum Credentials {
    None,
    /// The same for each.
    Fixed(HeaderName, HeaderValue),
    Tokens(Box<Tokens>),
}

/// Of one request.
pub(crate) struct Credential {
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
    /// The token, if another one can be had where this one is refused.
    pub(crate) token: Option<String>,
}

impl Credentials {
    pub(crate) fn new(endpoint: &Endpoint, dialer: &Dialer) -> Result<Self, String> {
        let Some(auth) = &endpoint.auth else {
            return Ok(Self::None);
        };
        let fixed = |name: HeaderName, text: &str| secret_value(text).map(|value| Self::Fixed(name, value));
        match auth {
            Auth::Bearer { token } => fixed(AUTHORIZATION, &format!("Bearer {}", token.expose())),
            Auth::Basic { username, password } => {
                fixed(AUTHORIZATION, &format!("Basic {}", basic(username, password.expose())))
            }
            Auth::Header { name, value } => fixed(name.clone().into(), value.expose()),
            Auth::OAuth2 { .. } => Tokens::new(endpoint, auth, dialer).map(|tokens| Self::Tokens(Box::new(tokens))),
        }
    }

    /// For the next request; with `refused`, which is not to be used any more, for one that is sent again.
    pub(crate) async fn next(&self, refused: Option<&str>) -> Result<Credential, Failure> {
        Ok(match self {
            Self::None => Credential {
                header: None,
                token: None,
            },
            Self::Fixed(name, value) => Credential {
                header: Some((name.clone(), value.clone())),
                token: None,
            },
            Self::Tokens(tokens) => {
                let (token, value) = tokens.next(refused).await?;
                Credential {
                    header: Some((AUTHORIZATION, value)),
                    token: Some(token),
                }
            }
        })
    }
}

/// User and password as `Basic` has them (RFC 7617).
pub(crate) fn basic(username: &str, password: &str) -> String {
    BASE64_STANDARD.encode(format!("{username}:{password}"))
}

/// A header's value that HTTP/2 does not index and no log shows.
fn secret_value(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "a secret of `auth` holds characters that no header can have: check its variable or file")?;
    value.set_sensitive(true);
    Ok(value)
}
