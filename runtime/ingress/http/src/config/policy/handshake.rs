//! The table `handshake`.

use danube_wasm_ingress_listener::config::AuthConfig;
use danube_wasm_settings::{
    Secret, Section, Table, Variant,
    kinds::{List, SecretText, Text},
};

use crate::{
    Secrets,
    policy::{Handshake, VerifyTokens},
};

/// A sender's handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandshakeConfig {
    /// None, whatever the preset has.
    None,
    /// Slack's.
    Slack,
    /// Meta's, with the tokens that were agreed on.
    Meta(Vec<Secret>),
    /// That of senders of CloudEvents with these names.
    CloudEvents(Vec<String>),
    /// Azure Event Grid's.
    EventGrid,
    /// Amazon SNS's.
    Sns,
    /// Zoom's.
    Zoom,
    /// Discord's.
    Discord,
    /// GitHub's.
    Github,
}

impl Section for HandshakeConfig {
    const ABOUT: &'static str = "How the sender makes sure that it may post here. The host answers, and no event comes of it. Presets of \
        `auth` have theirs already, but for Meta's, which needs its token.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let variant = |name, read| Variant {
            name,
            aliases: &[],
            read,
        };
        let about = "`slack` gives a challenge back, `meta` as well to whoever has the token (with `GET`), `cloudevents` allows a sender \
                     (with `OPTIONS`), `event-grid` gives a code back and allows its sender, `sns` asks the URL that confirms a \
                     subscription, `zoom` signs a token, `discord` and `github` answer a ping. `none` makes an event of whatever comes.";
        t.variants(
            "type",
            about,
            "\"meta\"",
            &[
                variant("none", |_| Some(Self::None)),
                variant("slack", |_| Some(Self::Slack)),
                variant("meta", meta),
                variant("cloudevents", cloud_events),
                variant("event-grid", |_| Some(Self::EventGrid)),
                variant("sns", |_| Some(Self::Sns)),
                variant("zoom", |_| Some(Self::Zoom)),
                variant("discord", |_| Some(Self::Discord)),
                variant("github", |_| Some(Self::Github)),
            ],
        )
    }
}

fn meta(t: &mut Table<'_>) -> Option<HandshakeConfig> {
    let tokens = t
        .field(
            "verify_tokens",
            List {
                kind: SecretText,
                len: 1..=8,
            },
            "The tokens that were agreed on with the sender, any of which will do.",
        )
        .example("[\"${META_VERIFY_TOKEN}\"]")
        .required();
    Some(HandshakeConfig::Meta(tokens?))
}

fn cloud_events(t: &mut Table<'_>) -> Option<HandshakeConfig> {
    let origins = t
        .field(
            "origins",
            List {
                kind: Text,
                len: 0..=64,
            },
            "Names that senders give in `WebHook-Request-Origin`. Without any, all.",
        )
        .example("[\"eventemitter.example\"]")
        .or(Vec::new());
    Some(HandshakeConfig::CloudEvents(origins))
}

impl HandshakeConfig {
    /// That of the sender that `auth` names.
    pub(super) fn of_preset(auth: &AuthConfig) -> Option<Self> {
        let preset = match auth {
            AuthConfig::Sns(_) => return Some(Self::Sns),
            AuthConfig::Signature(config) => config.preset?.name,
            _ => return None,
        };
        match preset {
            "slack" => Some(Self::Slack),
            "zoom" => Some(Self::Zoom),
            "discord" => Some(Self::Discord),
            "github" => Some(Self::Github),
            _ => None,
        }
    }

    /// As the endpoint has it.
    pub(super) fn build(&self) -> Result<Option<Handshake>, String> {
        Ok(Some(match self {
            Self::None => return Ok(None),
            Self::Slack => Handshake::Slack,
            Self::Meta(tokens) => {
                let tokens = tokens.iter().map(|token| crate::Secret::try_new(token.expose()));
                let tokens = tokens.collect::<Result<Vec<_>, _>>().and_then(Secrets::try_new);
                Handshake::Meta(VerifyTokens::new(tokens.map_err(|error| error.to_string())?))
            }
            Self::CloudEvents(origins) => Handshake::CloudEvents {
                origins: origins.clone(),
            },
            Self::EventGrid => Handshake::EventGrid,
            Self::Sns => Handshake::Sns,
            Self::Zoom => Handshake::Zoom,
            Self::Discord => Handshake::Discord,
            Self::Github => Handshake::Github,
        }))
    }
}

/// Reports handshakes that cannot be answered as they are.
pub(super) fn check(t: &Table<'_>, handshake: Option<&HandshakeConfig>, auth: &AuthConfig) {
    let preset = match auth {
        AuthConfig::Signature(config) => config.preset.map_or("", |preset| preset.name),
        _ => "",
    };
    let session = t.session();
    match (handshake, auth) {
        (Some(HandshakeConfig::Zoom), AuthConfig::Signature(_)) | (Some(HandshakeConfig::Sns), AuthConfig::Sns(_)) => {}
        (Some(HandshakeConfig::Zoom), _) => session.error(
            &t.span("handshake"),
            "the handshake of Zoom is signed with the endpoint's secret, and it has none",
            "write `auth = { type = \"signature\", preset = \"zoom\", secrets = [\"${ZOOM_SECRET_TOKEN}\"] }`",
        ),
        (Some(HandshakeConfig::Sns), _) => session.error(
            &t.span("handshake"),
            "a URL of SNS is asked only if its message is known to be of SNS",
            "write `auth = { type = \"sns\", topics = [\"arn:aws:sns:…\"] }`",
        ),
        (None, _) if preset == "meta" => session.warning(
            &t.span("auth"),
            "Meta asks with `GET` and a token before it sends anything, and this endpoint does not answer that",
            "add `handshake = { type = \"meta\", verify_tokens = [\"${META_VERIFY_TOKEN}\"] }`",
        ),
        _ => {}
    }
}
