//! The headers that an endpoint's requests have besides those of the sink's own.

use danube_wasm_settings::{Secret, Table, kinds::FreeTable};
use http::{HeaderName, HeaderValue};

/// Headers with a meaning for the connection, which the client sets.
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a header is not the file's to set, if it is not.
pub(super) fn is_taken(name: &str) -> Option<&'static str> {
    let is_own = name.starts_with("webhook-") || name.starts_with("x-danube-") || name == "idempotency-key";
    match name {
        "authorization" | "proxy-authorization" => Some("credentials are written in `auth`"),
        "content-type" => Some("it is written as `content_type`"),
        _ if OF_THE_CONNECTION.contains(&name) => Some("it belongs to the connection"),
        _ if is_own => Some("the sink sets it for each request"),
        _ => None,
    }
}

/// The key `headers`. Values may come from the environment, so none is ever shown.
pub(super) fn read(t: &mut Table<'_>) -> Vec<(String, Secret)> {
    let free = t
        .field(
            "headers",
            FreeTable,
            "Headers of every request, beside those of the sink's own.",
        )
        .example("{ x-source = \"danube\" }")
        .optional()
        .unwrap_or_default();
    let mut headers = Vec::new();
    for (name, value) in free.values {
        let name = name.to_ascii_lowercase();
        let wrong = match (name.parse::<HeaderName>(), value.as_str()) {
            (Err(_), _) => Some("it is no header's name".to_owned()),
            (Ok(_), _) if is_taken(&name).is_some() => is_taken(&name).map(str::to_owned),
            (Ok(_), Some(text)) if text.parse::<HeaderValue>().is_ok() => {
                headers.push((name.clone(), Secret::new(text.to_owned())));
                None
            }
            (Ok(_), _) => Some("its value is no text without line breaks".to_owned()),
        };
        if let Some(why) = wrong {
            t.session().error(
                &t.span("headers"),
                format!("`headers` cannot have `{name}`: {why}"),
                "remove it, or correct it",
            );
        }
    }
    headers
}
