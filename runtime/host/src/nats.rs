//! NATS JetStream as the broker that a pipeline names. A program that is built without the feature `nats` has `no_nats.rs`
//! instead.

mod probe;

use std::sync::Arc;

use danube_wasm_broker::{Broker, copying::CopySource};
use danube_wasm_broker_nats::{Auth, Nats, NatsOptions, Retention, Secret, Tls};
use danube_wasm_config::{Pipeline, SecretSource};

use crate::{
    Failure,
    migration::{Copyable, Notes},
};

pub(crate) use probe::check;

/// A client of servers that may come later.
pub(crate) fn open(pipeline: &Pipeline) -> Result<Arc<dyn Broker>, Failure> {
    if pipeline.retention.age.is_some() || pipeline.retention.bytes.is_some() {
        tracing::warn!(
            "`retention` drops nothing on NATS that was not read: of its keys only those for messages that were read hold, and \
             `nats.topic_bytes_max` refuses records of a full topic"
        );
    }
    Ok(Nats::open(options(pipeline)).map_err(Failure::configuration)?)
}

/// The cluster of a pipeline file, to be copied from or to.
pub(crate) fn copy_of(pipeline: &Pipeline) -> Result<Copyable, Failure> {
    let notes = Notes::Beside(pipeline.notebooks_dir());
    copyable(options(pipeline), notes)
}

/// The cluster of a URL, with defaults for everything else.
pub(crate) fn copy_of_url(url: &str) -> Result<Copyable, Failure> {
    copyable(NatsOptions::new(url.split(',').map(str::trim)), Notes::Unknown)
}

fn copyable(options: NatsOptions, notes: Notes) -> Result<Copyable, Failure> {
    let nats = Nats::open(options).map_err(Failure::configuration)?;
    Ok(Copyable {
        place: CopySource::place(&*nats),
        source: nats.clone(),
        target: nats.clone(),
        broker: nats,
        notes,
        spools: None,
    })
}

fn options(pipeline: &Pipeline) -> NatsOptions {
    let nats = &pipeline.nats;
    let servers = pipeline.service_url.nats_servers().iter().map(ToString::to_string);
    let mut options = NatsOptions::new(servers);
    options.auth = auth(pipeline);
    options.tls = nats.tls.as_ref().map(|tls| Tls {
        ca_file: tls.ca_file.clone(),
        identity: tls
            .identity
            .as_ref()
            .map(|identity| (identity.cert_file.clone(), identity.key_file.clone())),
    });
    options.monitoring.clone_from(&nats.monitoring);
    options.replicas = nats.replicas;
    options.accept_loss = nats.accept_loss;
    options.prefix.clone_from(&nats.prefix);
    options.placement_tags.clone_from(&nats.placement_tags);
    options.duplicate_window = nats.duplicate_window;
    options.ack_wait = nats.ack_wait;
    options.topic_bytes_max = nats.topic_bytes_max;
    options.publish_timeout = nats.publish_timeout;
    options.retention = Retention {
        keep: pipeline.retention.keep,
        keep_bytes: pipeline.retention.keep_bytes,
    };
    options
}

fn auth(pipeline: &Pipeline) -> Auth {
    let nats = &pipeline.nats;
    let secret = |secret: &danube_wasm_config::Secret| Secret::new(secret.expose());
    if let Some(credentials) = &nats.credentials {
        return match credentials {
            SecretSource::Text(text) => Auth::Credentials(secret(text)),
            SecretSource::File(path) => Auth::CredentialsFile(path.clone()),
        };
    }
    match (&nats.user, &nats.token) {
        (Some((user, password)), _) => Auth::Password {
            user: user.clone(),
            password: secret(password),
        },
        (None, Some(token)) => Auth::Token(secret(token)),
        (None, None) => Auth::None,
    }
}
