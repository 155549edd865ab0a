//! What a broker refuses, in a sentence with its cure.

use danube_wasm_model::upstream::UpstreamError;
use danube_wasm_settings::SecretSource;

use crate::{
    config::Mqtt,
    packets::{Connack, Version, reason},
    session::{Granted, Refused},
};

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectError {
    /// What happened and what to do.
    pub(crate) message: String,
    /// Whether it may pass by itself.
    pub(crate) is_transient: bool,
    /// The broker does not speak the version that it was asked in.
    pub(crate) is_version: bool,
}

impl ConnectError {
    pub(crate) fn transient(message: String) -> Self {
        Self {
            message,
            is_transient: true,
            is_version: false,
        }
    }

    pub(crate) fn permanent(message: String) -> Self {
        Self {
            message,
            is_transient: false,
            is_version: false,
        }
    }

    /// A source that has read before goes on trying: a broker that restarts may refuse at first whom it lets in later.
    pub(crate) fn into_upstream(self, has_read: bool) -> UpstreamError {
        match self.is_transient || has_read {
            true => UpstreamError::Transient {
                message: self.message,
                retry_after: None,
            },
            false => UpstreamError::Configuration { message: self.message },
        }
    }
}

/// The broker answered CONNECT with a refusal.
pub(crate) fn refused(config: &Mqtt, version: Version, answer: &Connack) -> ConnectError {
    let (address, client_id) = (config.url.address(), &config.client_id);
    let said = answer
        .reason
        .as_ref()
        .map(|reason| format!(", \"{reason}\""))
        .unwrap_or_default();
    let code = answer.code;
    let cure = match code {
        reason::UNSUPPORTED_VERSION if version == Version::V5 => {
            "it is too old for version 5: write `protocol = \"auto\"`, or `\"3.1.1\"`"
        }
        reason::UNSUPPORTED_VERSION => "it does not speak version 3.1.1: write `protocol = \"auto\"`, or `\"5\"`",
        reason::CLIENT_ID_INVALID => {
            "choose another `client_id`: some brokers take 1 to 23 letters and digits, or only names that they know"
        }
        reason::BAD_CREDENTIALS | reason::NOT_AUTHORIZED if is_rotated(config, code) => {
            "correct `username` and the file of `password`, which is read again at each try, or let this client in at the broker"
        }
        reason::BAD_CREDENTIALS => "correct `username` and `password`",
        reason::NOT_AUTHORIZED | 0x8a => {
            "let this user and this client id in at the broker, or correct `username` and `password`"
        }
        0x8c => "it wants another way to sign in than user and password, or a certificate: see `tls`",
        0x9c | 0x9d => "name the server that it sends clients to in `url`",
        _ => "it is tried again",
    };
    let other = answer
        .other_server
        .as_ref()
        .map(|server| format!(" ({server})"))
        .unwrap_or_default();
    ConnectError {
        message: format!(
            "the MQTT broker at {address} refuses the client `{client_id}` ({}{said}): {cure}{other}",
            reason::words(code)
        ),
        is_transient: cure == "it is tried again" || is_rotated(config, code),
        is_version: code == reason::UNSUPPORTED_VERSION,
    }
}

/// Whether a login may be let in later: who rotates a password changes the broker's and the file's one after the other.
fn is_rotated(config: &Mqtt, code: u8) -> bool {
    matches!(code, reason::BAD_CREDENTIALS | reason::NOT_AUTHORIZED)
        && matches!(config.password, Some(SecretSource::File(_)))
}

/// The broker refused a subscription.
pub(crate) fn subscription_refused(filter: &str, Refused(code): Refused) -> ConnectError {
    let cure = match code {
        reason::NOT_AUTHORIZED => "let this user read these topics at the broker",
        0x8f => "correct `filter`: the broker does not take it",
        0x9e => "the broker has no shared subscriptions: remove `$share/GROUP/` from `filter`",
        0xa2 => "the broker has no wildcards: name each topic in a route of its own",
        0x97 => "it is tried again",
        _ => "look into the broker's log; most often this user may not read these topics",
    };
    ConnectError {
        message: format!(
            "the broker refuses the subscription to `{filter}` ({}): {cure}",
            reason::words(code)
        ),
        is_transient: code == 0x97,
        is_version: false,
    }
}

/// What is wrong with a subscription that was granted for less than was asked. None if nothing is.
pub(crate) fn granted_for_less(granted: &Granted) -> Option<String> {
    let (asked, got) = (granted.asked as u8, granted.outcome.ok()? as u8);
    let lost = if got == 0 {
        ": what is lost on the way is not sent again"
    } else {
        ""
    };
    (got < asked).then(|| {
        format!(
            "the broker grants the subscription to `{}` QoS {got} instead of {asked}{lost}. Raise the broker's limit, or write `qos = {got}`",
            granted.filter
        )
    })
}
