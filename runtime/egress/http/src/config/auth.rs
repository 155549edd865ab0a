//! How an endpoint knows this sink.

use danube_wasm_settings::{
    Secret, Section, Table, Variant,
    kinds::{Choice, Credential, Parsed, SecretText, Text},
    values::HeaderName,
};

use super::{UrlTemplate, headers};

/// How an endpoint knows this sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// A token that stays.
    Bearer {
        /// Sent as `authorization: Bearer TOKEN`.
        token: Secret,
    },
    /// A user and a password.
    Basic {
        /// The user; without a colon.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A secret in a header of its own.
    Header {
        /// The header.
        name: HeaderName,
        /// Its value.
        value: Secret,
    },
    /// Tokens of OAuth 2, by client credentials (RFC 6749, section 4.4).
    OAuth2 {
        /// Where tokens are made.
        token_url: UrlTemplate,
        /// Who asks.
        client_id: String,
        /// The secret of who asks.
        client_secret: Secret,
        /// What the token is to allow.
        scope: Option<String>,
        /// Whom the token is for.
        audience: Option<String>,
        /// Where client id and secret are put.
        client_auth: ClientAuth,
    },
}

/// Where a request for a token has the client's id and secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the header `authorization`.
    Basic,
    /// In the body.
    Body,
}

impl Section for Auth {
    const ABOUT: &'static str = "How the endpoint knows this sink.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let about = "`bearer` sends a token, `basic` a user and a password, `header` a secret in a header, `oauth2` tokens of an \
                     issuer, which are renewed before they end and when the endpoint refuses one.";
        let variant = |name, read| Variant {
            name,
            aliases: &[],
            read,
        };
        t.variants(
            "type",
            about,
            "\"bearer\"",
            &[
                variant("bearer", read_bearer),
                variant("basic", read_basic),
                variant("header", read_header),
                variant("oauth2", read_oauth2),
            ],
        )
    }
}

fn read_bearer(t: &mut Table<'_>) -> Option<Auth> {
    let token = t
        .field("token", SecretText, "The token.")
        .example("\"${ORDERS_TOKEN}\"")
        .required();
    Some(Auth::Bearer { token: token? })
}

fn read_basic(t: &mut Table<'_>) -> Option<Auth> {
    let username = t
        .field("username", Credential, "The user.")
        .example("\"danube\"")
        .required();
    let password = t
        .field("password", SecretText, "The user's password.")
        .example("\"${ORDERS_PASSWORD}\"")
        .required();
    if username.as_ref().is_some_and(|name| name.contains(':')) {
        t.session().error(
            &t.span("username"),
            "`username` holds a `:`, at which receivers end the name",
            "choose a user without one",
        );
    }
    Some(Auth::Basic {
        username: username?,
        password: password?,
    })
}

fn read_header(t: &mut Table<'_>) -> Option<Auth> {
    let name = t
        .field(
            "name",
            Parsed::<HeaderName>::new("a header"),
            "The header that carries the secret.",
        )
        .example("\"x-api-key\"")
        .required();
    let value = t
        .field("value", SecretText, "The secret.")
        .example("\"${ORDERS_API_KEY}\"")
        .required();
    if let Some(why) = name.as_ref().and_then(|name| headers::is_taken(name.as_str())) {
        t.session().error(
            &t.span("name"),
            format!("`name` cannot be that header: {why}"),
            "choose another header",
        );
    }
    Some(Auth::Header {
        name: name?,
        value: value?,
    })
}

fn read_oauth2(t: &mut Table<'_>) -> Option<Auth> {
    let token_url = t
        .field(
            "token_url",
            Parsed::<UrlTemplate>::new("a URL"),
            "Where tokens are made.",
        )
        .example("\"https://login.example.com/oauth/token\"")
        .required();
    let client_id = t
        .field("client_id", Credential, "Who asks for a token.")
        .example("\"danube\"")
        .required();
    let client_secret = t
        .field("client_secret", SecretText, "The secret of who asks.")
        .example("\"${ORDERS_CLIENT_SECRET}\"")
        .required();
    let scope = t
        .field("scope", Text, "What the token is to allow, separated by spaces.")
        .example("\"orders:write\"")
        .optional();
    let audience = t
        .field("audience", Text, "Whom the token is for, where the issuer asks for it.")
        .example("\"https://api.example.com\"")
        .optional();
    let client_auth = t
        .field(
            "client_auth",
            Choice::of(&[("basic", ClientAuth::Basic), ("body", ClientAuth::Body)]),
            "Where the request for a token has the client's id and secret: in the header `authorization`, or in its body.",
        )
        .or(ClientAuth::Basic);
    Some(Auth::OAuth2 {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scope,
        audience,
        client_auth,
    })
}
