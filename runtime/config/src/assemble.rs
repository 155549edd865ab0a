//! Merges what several files configure into one pipeline.
//!
//! A setting of the pipeline as a whole comes from the one file that gives it, or from the first file's default if none
//! does. Connectors of all files run side by side and are checked against each other like those of one file.

use danube_wasm_connector::{Facts, Registry};

use crate::cross_checks::CrossChecks;
use danube_wasm_model::ConnectorId;

use crate::{
    cross_checks,
    part::{Part, Setting},
    tables::{
        instance::{Instance, Origin},
        pipeline::Pipeline,
        service_url::ServiceUrl,
    },
};
use danube_wasm_settings::{Reading, Span};

/// Merges all parts into one pipeline. `None` if a required setting is invalid, which is recorded for its file.
pub(crate) fn assemble(shared: &Reading<'_>, parts: Vec<Part>) -> Option<Pipeline> {
    let mut part = parts.into_iter().reduce(|first, next| first.merge(shared, next))?;
    if !part.has_connectors {
        let files = if shared.file_count() > 1 {
            "files configure"
        } else {
            "file configures"
        };
        let message = format!("the {files} no source and no sink: there is nothing to run");
        shared.error(&Span::of_file(0), message, "add a [[sources]] or a [[sinks]] table");
    }
    if let Some(admin) = &mut part.admin.value {
        admin.override_port(shared);
        admin.record_address(shared);
    }
    cross_checks::check(shared);
    build_pipeline(shared, part)
}

impl Part {
    /// Merges the settings of two files.
    fn merge(mut self, shared: &Reading<'_>, next: Self) -> Self {
        self.schemas.extend(next.schemas);
        self.sources.extend(next.sources);
        self.sinks.extend(next.sinks);
        Self {
            name: self.name.merge(shared, "name", next.name),
            data_dir: self.data_dir.merge(shared, "data_dir", next.data_dir),
            service_url: self.service_url.merge(shared, "danube_service_url", next.service_url),
            danube: self.danube.merge(shared, "danube", next.danube),
            nats: self.nats.merge(shared, "nats", next.nats),
            admin: self.admin.merge(shared, "admin", next.admin),
            telemetry: self.telemetry.merge(shared, "telemetry", next.telemetry),
            shutdown: self.shutdown.merge(shared, "shutdown", next.shutdown),
            retention: self.retention.merge(shared, "retention", next.retention),
            has_connectors: self.has_connectors || next.has_connectors,
            ..self
        }
    }
}

impl<T: PartialEq> Setting<T> {
    fn merge(self, shared: &Reading<'_>, what: &str, next: Self) -> Self {
        let (Some(first), Some(span)) = (&self.given, &next.given) else {
            return if next.given.is_some() { next } else { self };
        };
        let (Some(mine), Some(theirs)) = (&self.value, &next.value) else {
            return self;
        };
        if mine != theirs {
            let line = shared.line_from(first, span);
            let message = format!("`{what}` is given on {line} too, and says something else");
            shared.error(
                span,
                message,
                "one process has one: keep one of the two, or make them the same",
            );
        }
        self
    }
}

/// Builds the pipeline: gives every connector the final name of the pipeline, and buffers only with a cluster.
fn build_pipeline(shared: &Reading<'_>, part: Part) -> Option<Pipeline> {
    let data_dir = part.data_dir.value?;
    let service_url = part.service_url.value?;
    let service_url = service_url.unwrap_or_else(|| ServiceUrl::Embedded {
        dir: data_dir.join("log"),
    });
    let danube = part.danube.value?;
    danube.check(shared, &service_url, part.danube.given.as_ref());
    let nats = part.nats.value?;
    nats.check(
        shared,
        &service_url,
        part.nats.given.as_ref(),
        part.service_url.given.as_ref(),
    );
    let embedded = service_url.is_embedded();
    if embedded {
        warn_about_buffers(shared);
    } else {
        refuse_without_client(shared, &service_url, part.service_url.given.as_ref());
    }
    if !service_url.seeds().is_empty() {
        check_blocking(shared);
    }
    let name = part.name.value?;
    let mut pipeline = Pipeline {
        name,
        dir: shared.dir(0).to_owned(),
        data_dir,
        service_url,
        danube: danube.danube,
        nats: nats.nats,
        admin: part.admin.value?.admin,
        telemetry: part.telemetry.value?,
        shutdown: part.shutdown.value?,
        retention: part.retention.value?,
        schemas: Vec::new(),
        sources: part.sources,
        sinks: part.sinks,
    };
    for schema in part.schemas {
        // Two files may give the same schema for a topic; the cross-checks refuse different ones.
        if !pipeline.schemas.contains(&schema) {
            pipeline.schemas.push(schema);
        }
    }
    for source in &mut pipeline.sources {
        source.id = ConnectorId::try_new(&pipeline.name, source.id.connector()).ok()?;
        source.buffer = source.buffer.take().filter(|_| !embedded);
    }
    for sink in &mut pipeline.sinks {
        sink.id = ConnectorId::try_new(&pipeline.name, sink.id.connector()).ok()?;
        sink.buffer = sink.buffer.take().filter(|_| !embedded);
    }
    if !embedded && !pipeline.sinks.is_empty() {
        let instance = match pipeline.service_url.nats_servers() {
            [] => &pipeline.danube.instance,
            _ => &pipeline.nats.instance,
        };
        warn_about_instance_name(shared, instance);
    }
    Some(pipeline)
}

/// A program may be built for the embedded log alone. `span` is that of the cluster's URL.
fn refuse_without_client(shared: &Reading<'_>, url: &ServiceUrl, span: Option<&Span>) {
    let registry = shared.facts::<Registry>();
    let (has_client, client, feature) = match url.nats_servers() {
        [] => (registry.has_danube(), "Danube", "danube"),
        _ => (registry.has_nats(), "NATS", "nats"),
    };
    if let Some(span) = span
        && !has_client
    {
        shared.error(
            span,
            format!("this program was built without the client of {client}"),
            format!("build it with `--features {feature}`, or write `danube_service_url = \"embedded://data/log\"`"),
        );
    }
}

/// Warns about buffers with the embedded log, which is on disk already and never gives up on a message: a second copy
/// would cost writes and protect nothing. Not an error, so that one file with `${DANUBE_SERVICE_URL:-embedded://…}`
/// works on a laptop and with a cluster.
fn warn_about_buffers(shared: &Reading<'_>) {
    for (span, _) in &shared.facts::<CrossChecks>().buffers {
        shared.warning(
            span,
            "the buffer is not used: the broker is the embedded log, which is on this disk itself",
            "remove it, or write `danube_service_url = \"http://HOST:6650\"`",
        );
    }
}

/// Refuses to block on a message without a buffer: the message is delivered again and again, Danube counts deliveries,
/// and without a buffer to hold it the broker gives up in half a minute.
fn check_blocking(shared: &Reading<'_>) {
    let buffers: Vec<_> = (shared.facts::<CrossChecks>().buffers.iter())
        .map(|(_, owner)| owner.clone())
        .collect();
    let facts = shared.facts::<Facts>();
    for (span, _) in facts.blocking.iter().filter(|(_, sink)| !buffers.contains(sink)) {
        shared.error(
            span,
            "`block-key` needs a buffer with a Danube broker, which counts how often it gives a message: after 5 times, in \
             about half a minute, it stops the whole partition for good, or drops messages",
            "give the sink `buffer = { type = \"disk\", max_bytes = 1073741824 }`, or write `on_poison = \"dead-letter\"` \
             or `\"stop\"`",
        );
    }
}

fn warn_about_instance_name(shared: &Reading<'_>, instance: &Instance) {
    let message = match instance.origin() {
        Origin::Stable => return,
        Origin::Container => format!(
            "this process is known to the broker as `{instance}`, the name of its container: a replacement has another \
             name, and the broker holds what this one had not acknowledged"
        ),
        Origin::Default => format!(
            "this process is known to the broker as `{instance}`, which is not this machine's name alone: two processes of \
             one name push each other off the subscription"
        ),
    };
    let help = "set DANUBE_WASM_INSTANCE to a name that is this process's alone, such as the number of the replica, or run a \
                StatefulSet";
    shared.warning(&Span::of_file(0), message, help);
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use crate::Loader;

    use super::*;

    /// What a file with this line alone is refused for, but for what it lacks.
    fn refused(registry: &Registry, line: &str) -> Vec<String> {
        let env = BTreeMap::<String, String>::new();
        let loaded = Loader::new(registry, &env).load_text(Path::new("pipeline.toml"), line.to_owned());
        let found = loaded.expect_err("it has no connectors");
        let found = found
            .iter()
            .filter(|found| !found.message.contains("no source and no sink"));
        found
            .map(|d| format!("{}:{} {}: {} | {}", d.line, d.column, d.key, d.message, d.help))
            .collect()
    }

    #[test]
    fn a_cluster_needs_the_client_of_danube_and_the_log_in_the_process_does_not() {
        let (with, without) = (Registry::default(), Registry::default().without_danube());
        for cluster in ["\"http://b:6650\"", "[\"https://a\", \"https://b\"]"] {
            let line = format!("danube_service_url = {cluster}\n");
            assert_eq!(refused(&with, &line), [""; 0]);
            let expected = "1:22 danube_service_url: this program was built without the client of Danube | build it with \
                            `--features danube`, or write `danube_service_url = \"embedded://data/log\"`";
            assert_eq!(refused(&without, &line), [expected]);
        }
        for log in ["", "danube_service_url = \"embedded://log\"\n"] {
            assert_eq!(refused(&without, log), [""; 0]);
        }
    }

    #[test]
    fn nats_is_named_by_either_key_and_needs_its_client() {
        let (with, without) = (Registry::default(), Registry::default().without_nats());
        for line in [
            "broker_url = \"nats://n1:4222\"\n",
            "danube_service_url = \"nats://n1,nats://n2:4223\"\n",
            "broker_url = [\"tls://n1\", \"tls://n2\"]\n",
        ] {
            assert_eq!(refused(&with, line), [""; 0]);
            let found = refused(&without, line);
            assert!(
                found[0].contains("without the client of NATS | build it with `--features nats`"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn mistakes_about_nats_are_told_with_their_cure() {
        for (text, parts) in [
            ("broker_url = \"nats://u:p@n1\"\n", ["no user and password", "`[nats]`"]),
            (
                "broker_url = [\"nats://n1\", \"tls://n2\"]\n",
                ["with `nats` and with `tls`", "for all"],
            ),
            (
                "broker_url = [\"nats://n1\", \"http://n2\"]\n",
                ["`nats://HOST:PORT`", "nats://nats-1:4222"],
            ),
            (
                "broker_url = \"nats://n1\"\ndanube_service_url = \"nats://n1\"\n",
                ["are the same key", "keep one of the two"],
            ),
            (
                "broker_url = \"nats://n1\"\n[nats]\nreplicas = 1\n",
                ["gone with the disk of one machine", "accept_loss = true"],
            ),
            (
                "broker_url = \"nats://n1\"\n[nats]\nuser = \"u\"\npassword = { file = \"Cargo.toml\" }\n",
                ["in plain text", "`tls://`"],
            ),
            (
                "broker_url = \"nats://n1\"\n[nats]\nuser = \"u\"\n",
                ["`user` needs `password`", "add `password`"],
            ),
        ] {
            let found = refused(&Registry::default(), text);
            let all = found.join("\n");
            assert!(
                found.len() == 1 && parts.iter().all(|part| all.contains(part)),
                "{text}: {all}"
            );
        }
    }
}
