//! What librdkafka is told.

use std::collections::BTreeMap;

use danube_wasm_settings::{SecretSource, read_text};
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use super::{ConsumerError, ErrorKind};
use crate::{
    config::{GroupProtocol, Isolation, Kafka, Sasl, TlsConfig},
    limits::{
        FETCH_BACKOFF, FETCH_PARTITION_BYTES, FETCH_RECORDS_MIN, HEARTBEAT, PASSWORD_BYTES_MAX, STATISTICS_EVERY,
    },
};

/// Topics that no pattern matches.
const INTERNAL_TOPICS: &str = "^__.*";

/// See the module.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(super) connector: String,
    pub(super) reads_committed: bool,
    values: BTreeMap<&'static str, String>,
    options: BTreeMap<String, String>,
}

impl Settings {
    /// Of a member of the group. Reads the files that the table names.
    pub(crate) fn read(connector: &str, kafka: &Kafka) -> Result<Self, ConsumerError> {
        let mut values = BTreeMap::new();
        reading(kafka, &mut values);
        membership(kafka, &mut values);
        security(kafka.tls.as_ref(), kafka.sasl.as_ref(), &mut values)?;
        Ok(Self {
            connector: connector.to_owned(),
            reads_committed: kafka.reading.isolation == Isolation::ReadCommitted,
            values,
            options: kafka.options.0.clone(),
        })
    }

    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("fetch.queue.backoff.ms", FETCH_BACKOFF.as_millis().to_string());
        for (name, value) in &self.options {
            config.set(name, value);
        }
        for (name, value) in &self.values {
            config.set(*name, value);
        }
        config.set_log_level(RDKafkaLogLevel::Info);
        config
    }
}

/// Whether librdkafka takes this.
pub(crate) fn check_option(name: &str, value: &str) -> Result<(), String> {
    let mut config = ClientConfig::new();
    config.set(name, value);
    config.create_native_config().map(drop).map_err(|error| match error {
        rdkafka::error::KafkaError::ClientConfig(_, why, _, _) => why,
        error => error.to_string(),
    })
}

fn reading(kafka: &Kafka, values: &mut BTreeMap<&'static str, String>) {
    let reading = &kafka.reading;
    let isolation = match reading.isolation {
        Isolation::ReadCommitted => "read_committed",
        Isolation::ReadUncommitted => "read_uncommitted",
    };
    let fetch = reading.fetch_bytes;
    values.extend([
        ("bootstrap.servers", kafka.address()),
        ("client.id", "danube-wasm".to_owned()),
        ("enable.auto.commit", "false".to_owned()),
        ("enable.auto.offset.store", "false".to_owned()),
        // New partitions are placed here, and what is out of range is said.
        ("auto.offset.reset", "error".to_owned()),
        ("allow.auto.create.topics", "false".to_owned()),
        ("topic.blacklist", INTERNAL_TOPICS.to_owned()),
        ("isolation.level", isolation.to_owned()),
        ("check.crcs", "true".to_owned()),
        ("queued.max.messages.kbytes", (fetch >> 10).to_string()),
        ("queued.min.messages", FETCH_RECORDS_MIN.to_string()),
        ("fetch.max.bytes", fetch.to_string()),
        ("fetch.message.max.bytes", FETCH_PARTITION_BYTES.min(fetch).to_string()),
        ("receive.message.max.bytes", (fetch.max(100_000_000) + 512).to_string()),
        ("statistics.interval.ms", STATISTICS_EVERY.as_millis().to_string()),
        ("socket.keepalive.enable", "true".to_owned()),
        ("topic.metadata.refresh.interval.ms", "30000".to_owned()),
    ]);
}

fn membership(kafka: &Kafka, values: &mut BTreeMap<&'static str, String>) {
    let reading = &kafka.reading;
    values.insert("group.id", kafka.group.clone());
    // At least as long as a session, says librdkafka.
    let poll = reading.session_timeout.as_millis().max(300_000);
    values.insert("max.poll.interval.ms", poll.to_string());
    if let Some(instance) = &kafka.instance {
        values.insert("group.instance.id", instance.clone());
    }
    match reading.group_protocol {
        GroupProtocol::Consumer => {
            values.insert("group.protocol", "consumer".to_owned());
        }
        GroupProtocol::Classic => {
            let heartbeat = HEARTBEAT.min(reading.session_timeout / 3);
            values.extend([
                ("group.protocol", "classic".to_owned()),
                ("partition.assignment.strategy", "cooperative-sticky".to_owned()),
                ("session.timeout.ms", reading.session_timeout.as_millis().to_string()),
                ("heartbeat.interval.ms", heartbeat.as_millis().to_string()),
            ]);
        }
    }
}

fn security(
    tls: Option<&TlsConfig>,
    sasl: Option<&Sasl>,
    values: &mut BTreeMap<&'static str, String>,
) -> Result<(), ConsumerError> {
    let protocol = match (tls, sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    values.insert("security.protocol", protocol.to_owned());
    if let Some(tls) = tls {
        let ca = tls.ca_path.as_ref().map(|path| path.display().to_string());
        // The operating system's, wherever it keeps them.
        values.insert("ssl.ca.location", ca.unwrap_or_else(|| "probe".to_owned()));
        if let Some((certificate, key)) = &tls.identity {
            values.insert("ssl.certificate.location", certificate.display().to_string());
            values.insert("ssl.key.location", key.display().to_string());
        }
    }
    if let Some(sasl) = sasl {
        values.insert("sasl.mechanism", sasl.mechanism.name().to_owned());
        values.insert("sasl.username", sasl.username.clone());
        values.insert("sasl.password", password(&sasl.password)?);
    }
    Ok(())
}

fn password(source: &SecretSource) -> Result<String, ConsumerError> {
    match source {
        SecretSource::Text(secret) => Ok(secret.expose().to_owned()),
        SecretSource::File(path) => {
            let text = read_text(path, PASSWORD_BYTES_MAX).map_err(|why| ConsumerError {
                kind: ErrorKind::Transient,
                message: format!("the password's file {} cannot be read: {why}", path.display()),
            })?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
    }
}
