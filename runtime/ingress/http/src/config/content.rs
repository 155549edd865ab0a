//! The kinds of bodies that an endpoint takes.

use danube_wasm_ingress_listener::config::AuthConfig;
use danube_wasm_settings::{
    Kind, ValueRef,
    kinds::{Choice, List},
};
use toml::de::DeValue;

use crate::{ContentKind, ContentKinds};

const CHOICE: Choice<ContentKind> = Choice {
    options: &[
        ("json", ContentKind::Json),
        ("json-list", ContentKind::JsonList),
        ("ndjson", ContentKind::Ndjson),
        ("form", ContentKind::Form),
        ("cloudevents", ContentKind::CloudEvents),
        ("text", ContentKind::Text),
        ("any", ContentKind::Any),
    ],
    aliases: &[],
    refused: &[
        ("multipart", MULTIPART),
        ("multipart/form-data", MULTIPART),
        ("application/json", "the kind of that media type is `json`"),
        (
            "application/x-www-form-urlencoded",
            "the kind of that media type is `form`",
        ),
        ("application/x-ndjson", "the kind of that media type is `ndjson`"),
        (
            "application/cloudevents+json",
            "the kind of that media type is `cloudevents`",
        ),
        ("text/plain", "the kind of that media type is `text`"),
    ],
};

const MULTIPART: &str = "files are not events, and their parts have no schema: take `any` and let a component read it";

/// What a sender posts that `auth` names, if the file does not say: GitHub's webhooks are forms unless somebody chose JSON, and
/// so are Slack's commands and interactions beside its events.
pub(super) fn kinds_of_sender(auth: &AuthConfig) -> ContentKinds {
    let posts_forms = match auth {
        AuthConfig::Signature(config) => config.preset.is_some_and(|preset| FORM_SENDERS.contains(&preset.name)),
        _ => false,
    };
    match posts_forms {
        true => ContentKinds::new([ContentKind::Json, ContentKind::Form]),
        false => ContentKinds::default(),
    }
}

/// Presets of senders that post forms, too.
const FORM_SENDERS: [&str; 2] = ["github", "slack"];

/// Reads one of the words, or a list of them.
pub(super) struct ContentKindsKind;

impl Kind for ContentKindsKind {
    type Value = ContentKinds;

    fn what(&self) -> String {
        format!("{}, or a list of these", CHOICE.what())
    }

    fn show(&self, kinds: &ContentKinds) -> String {
        let words: Vec<_> = kinds.iter().map(|kind| CHOICE.show(&kind)).collect();
        match &words[..] {
            [word] => word.clone(),
            words => format!("[{}]", words.join(", ")),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<ContentKinds> {
        let DeValue::Array(_) = input.value else {
            return CHOICE.read(input).map(ContentKinds::from);
        };
        let list = List {
            kind: CHOICE,
            len: 1..=7,
        };
        let kinds = ContentKinds::new(list.read(input)?);
        if kinds.contains(ContentKind::Json) && kinds.contains(ContentKind::JsonList) {
            return input.refuse_with(
                format!("`{}`: `json-list` takes any JSON, also what `json` takes", input.name()),
                "leave `json` out",
            );
        }
        Some(kinds)
    }
}
