//! Which requests are valid at the endpoint under attack: `POST` of JSON to `/hook`, with the key.

use danube_wasm_model::identity::is_event_id;

use super::Message;

/// The event that a request becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) payload: Vec<u8>,
    /// `None` where one is minted.
    pub(crate) id: Option<String>,
}

/// What `message` becomes, if it is valid.
pub(crate) fn accepted(message: &Message, key: &str) -> Option<Expected> {
    let valid = message.method == "POST"
        && path(&message.target) == Some("/hook")
        && only(message, "x-api-key")? == key.as_bytes()
        && is_json_type(message)
        && is_plain(message)
        && serde_json::from_slice::<serde_json::Value>(&message.body).is_ok();
    let id = id(message)?;
    valid.then(|| Expected {
        payload: message.body.clone(),
        id,
    })
}

/// The path of a target in origin form or absolute form.
fn path(target: &str) -> Option<&str> {
    let from_path = match target.find("://") {
        Some(at) if !target.starts_with('/') => {
            let authority = &target[at + 3..];
            &authority[authority.find('/')?..]
        }
        _ => target,
    };
    from_path.split(['?', '#']).next()
}

/// The only value of a header.
fn only<'a>(message: &'a Message, name: &'a str) -> Option<&'a [u8]> {
    let mut values = message.all(name);
    values.next().filter(|_| values.next().is_none())
}

fn is_json_type(message: &Message) -> bool {
    let Some(value) = message.all("content-type").next() else {
        return true;
    };
    let essence = value.split(|b| *b == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || (essence.len() > 5 && essence.ends_with(b"+json"))
}

fn is_plain(message: &Message) -> bool {
    match message.all("content-encoding").collect::<Vec<_>>()[..] {
        [] | [b""] => true,
        [coding] => coding.eq_ignore_ascii_case(b"identity"),
        _ => false,
    }
}

/// The id of the event, `Some(None)` if none is given; `None` if what is given cannot be one.
fn id(message: &Message) -> Option<Option<String>> {
    let names = ["idempotency-key", "webhook-id", "x-github-delivery"];
    let Some(name) = names.into_iter().find(|name| message.all(name).next().is_some()) else {
        return Some(None);
    };
    let id = String::from_utf8(only(message, name)?.to_vec()).ok()?;
    is_event_id(&id).then_some(Some(id))
}
