//! How a server knows this sink.

use danube_wasm_settings::{
    Secret, Table,
    kinds::{Credential, SecretText},
};

/// How a server knows this sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// As the user `default` without a password.
    Nobody,
    /// A user and a password.
    User {
        /// The user; without a colon.
        username: String,
        /// The password; a user may have none.
        password: Option<Secret>,
    },
    /// A token of the cloud's.
    Token(Secret),
}

impl Login {
    pub(super) fn read(t: &mut Table<'_>) -> Option<Self> {
        let username = t
            .field("username", Credential, "The user.")
            .example("\"danube\"")
            .defaults_to("the server's user `default`");
        let password = t
            .field("password", SecretText, "The user's password.")
            .example("\"${CLICKHOUSE_PASSWORD}\"")
            .optional();
        let token = t
            .field(
                "token",
                SecretText,
                "A token, sent as `authorization: Bearer TOKEN`, instead of a user.",
            )
            .example("{ file = \"secrets/clickhouse-token\" }")
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
