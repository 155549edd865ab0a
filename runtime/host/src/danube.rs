//! The Danube cluster that a pipeline names. A program that is built without the feature `danube` has `no_danube.rs` instead.

mod probe;

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::Broker;
use danube_wasm_broker_danube::{Danube, DanubeOptions, Identity, Secret, Tls, Token};
use danube_wasm_config::{Pipeline, SecretSource};

use crate::Failure;

pub(crate) use probe::check;

/// How long a source's spool waits for a record to be taken before it begins with the oldest again: no sender waits.
const SPOOL_PATIENCE: Duration = Duration::from_secs(30);

/// The cluster.
pub(crate) struct Cluster {
    client: Arc<dyn Broker>,
    options: DanubeOptions,
}

impl Cluster {
    /// A cluster that may come later.
    pub(crate) fn open(pipeline: &Pipeline) -> Result<Self, Failure> {
        let options = options(pipeline);
        Ok(Self {
            client: Danube::open(options.clone()).map_err(Failure::configuration)?,
            options,
        })
    }

    /// The client of connectors and operators.
    pub(crate) fn client(&self) -> &Arc<dyn Broker> {
        &self.client
    }

    /// Another client, for spools: what was under way when a session was lost is handed back to them.
    pub(crate) fn open_for_spools(&self) -> Result<Arc<dyn Broker>, Failure> {
        let options = DanubeOptions {
            resend_after_loss: false,
            publish_timeout: SPOOL_PATIENCE,
            ..self.options.clone()
        };
        Ok(Danube::open(options).map_err(Failure::configuration)?)
    }
}

fn options(pipeline: &Pipeline) -> DanubeOptions {
    let danube = &pipeline.danube;
    let seeds = pipeline.service_url.seeds().iter().map(ToString::to_string);
    let mut options = DanubeOptions::new(seeds);
    options.admin_url = danube.admin_url.as_ref().map(ToString::to_string);
    options.tls = danube.tls.as_ref().map(|tls| Tls {
        ca_file: tls.ca_file.clone(),
        identity: tls.identity.as_ref().map(|identity| Identity {
            cert_file: identity.cert_file.clone(),
            key_file: identity.key_file.clone(),
        }),
    });
    options.token = danube.token.as_ref().map(|token| match token {
        SecretSource::Text(secret) => Token::Inline(Secret::new(secret.expose())),
        SecretSource::File(path) => Token::File(path.clone()),
    });
    options.connect_timeout = danube.connect_timeout;
    options.request_timeout = danube.request_timeout;
    options.publish_timeout = danube.publish_timeout;
    options.ack_timeout = danube.ack_timeout;
    options.in_flight_max = danube.in_flight_max;
    options
}
