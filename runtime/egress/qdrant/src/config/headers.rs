//! The headers of every request: keys of the providers whose models the server calls.

use danube_wasm_settings::{Secret, Table, kinds::FreeTable};
use http::{HeaderName, HeaderValue};

/// What belongs to the connection, to gRPC, or to another key.
fn is_taken(name: &str) -> bool {
    matches!(
        name,
        "api-key" | "te" | "content-type" | "user-agent" | "host" | "connection" | "content-length"
    ) || name.starts_with("grpc-")
        || name.ends_with("-bin")
}

/// The key `headers`. Values may come from the environment, so none is ever shown.
pub(super) fn read(t: &mut Table<'_>) -> Vec<(String, Secret)> {
    let free = t
        .field(
            "headers",
            FreeTable,
            "Headers of every request to the server, such as the keys of providers whose models it calls.",
        )
        .example("{ openai-api-key = \"${OPENAI_API_KEY}\" }")
        .optional()
        .unwrap_or_default();
    let mut headers = Vec::new();
    for (name, value) in free.values {
        let name = name.to_ascii_lowercase();
        let text = value.as_str().filter(|text| text.parse::<HeaderValue>().is_ok());
        let wrong = match (name.parse::<HeaderName>(), text) {
            (Err(_), _) => "it is no header's name",
            (Ok(_), _) if is_taken(&name) => "the sink sets it, or it belongs to the connection",
            (Ok(_), None) => "its value is no text without line breaks",
            (Ok(_), Some(text)) => {
                headers.push((name, Secret::new(text.to_owned())));
                continue;
            }
        };
        t.session().error(
            &t.span("headers"),
            format!("`headers` cannot have `{name}`: {wrong}"),
            "remove it, or correct it",
        );
    }
    headers
}
