//! The keys of an endpoint about requests that are no events: `allow_networks`, `handshake`, `cors` and `answer`.

mod cors;
mod handshake;
mod reply;

use danube_wasm_ingress_listener::config::AuthConfig;
use danube_wasm_settings::{
    Table,
    kinds::{List, Parsed},
    values::Network,
};
use http::Method;

pub use self::handshake::HandshakeConfig;
use crate::policy::{Cors, FixedReply, RequestPolicy};

/// What an endpoint does beside making events of requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyConfig {
    /// Networks whose clients are heard; all without any.
    pub networks: Vec<Network>,
    /// How the sender makes sure of the endpoint; the preset's without.
    pub handshake: Option<HandshakeConfig>,
    /// Which pages of browsers may post.
    pub cors: Option<Cors>,
    /// The answer to events that were taken.
    pub reply: Option<FixedReply>,
    /// `HEAD` and `OPTIONS`, where the file has them among the methods.
    pub probes: Vec<Method>,
}

impl PolicyConfig {
    /// Reads the keys. `methods` are those of the file; what remains of them are those of events.
    pub(super) fn read(t: &mut Table<'_>, auth: &AuthConfig, methods: &mut Vec<Method>) -> Self {
        let networks = t
            .field(
                "allow_networks",
                List {
                    kind: Parsed::new("an IP address or network"),
                    len: 0..=256,
                },
                "Networks whose clients may post, beside what `auth` asks for. Others are answered 403. Behind a proxy, name it in \
                 `trusted_proxies`. Without any, all may.",
            )
            .example("[\"192.0.2.0/24\"]")
            .or(Vec::new());
        let declared = t.group("handshake").optional::<HandshakeConfig>();
        let cors = t.group("cors").optional::<Cors>();
        let reply = t.group("answer").optional::<FixedReply>();
        let is_probe = |method: &Method| *method == Method::HEAD || *method == Method::OPTIONS;
        let probes = methods.iter().filter(|method| is_probe(method)).cloned().collect();
        methods.retain(|method| !is_probe(method));
        if methods.is_empty() {
            t.session().error(
                &t.span("methods"),
                "no event comes by `HEAD` and `OPTIONS`: they are answered, and that is all",
                "add for example `\"POST\"`",
            );
        }
        let handshake = declared.or_else(|| HandshakeConfig::of_preset(auth));
        handshake::check(t, handshake.as_ref(), auth);
        Self {
            networks,
            handshake,
            cors,
            reply,
            probes,
        }
    }

    /// As the endpoint has it.
    pub(super) fn build(&self) -> Result<RequestPolicy, String> {
        let handshake = self.handshake.as_ref().map(HandshakeConfig::build).transpose()?;
        Ok(RequestPolicy {
            networks: self.networks.clone(),
            handshake: handshake.flatten(),
            cors: self.cors.clone(),
            answers_head: self.probes.contains(&Method::HEAD),
            answers_options: self.probes.contains(&Method::OPTIONS),
            reply: self.reply.clone(),
        })
    }
}
