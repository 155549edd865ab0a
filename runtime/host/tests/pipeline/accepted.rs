//! What valid files are read as.

use std::time::Duration;

use danube_wasm_config::{Component, LogFormat, SchemaType, ServiceUrl, VersionStrategy};
use danube_wasm_egress_surrealdb::{Credentials, config::StorageMode};
use danube_wasm_ingress_http::{
    ContentKind, EventIdSource, RateLimit,
    config::{AuthConfig, HmacForm, JwtKeys},
};
use danube_wasm_model::{OnFailure, OnInvalid, OnPoison, StartAt, SubscriptionType};
use http::Method;

use crate::{AsSurrealDb as _, AsWebhook as _, Workspace, sink, source};

#[test]
fn defaults() {
    let workspace = Workspace::new();
    let pipeline = workspace.accept(&(source("") + &sink(""))).pipeline;
    assert_eq!(pipeline.data_dir, workspace.path("data"));
    assert_eq!(
        pipeline.service_url,
        ServiceUrl::Embedded {
            dir: workspace.path("data/log")
        }
    );
    assert_eq!(pipeline.admin.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(pipeline.telemetry.log_format, LogFormat::Auto);
    assert_eq!(pipeline.telemetry.otlp_endpoint, None);
    assert_eq!(pipeline.shutdown.grace, Duration::from_secs(30));
    assert_eq!((pipeline.retention.age, pipeline.retention.bytes), (None, None));
    assert_eq!(pipeline.retention.keep.as_secs(), 86_400);
    assert_eq!(pipeline.retention.keep_bytes, 1 << 30);
    let source = pipeline.source("webhook").expect("it is there");
    assert_eq!(source.id.to_string(), format!("{}/webhook", pipeline.name));
    assert_eq!(source.component.to_string(), concat!("builtin:", "webhook-source"));
    assert_eq!(
        (source.lanes, source.batch.max_events, source.batch.queue_events),
        (1, 512, 4096)
    );
    assert_eq!(source.limits.memory_bytes, None);
    assert_eq!(source.webhook().listener.listen.to_string(), "127.0.0.1:0");
    let endpoint = &source.webhook().endpoints[0];
    assert_eq!((endpoint.partitions, endpoint.reliable_dispatch), (0, true));
    assert_eq!(
        (endpoint.on_invalid, endpoint.on_failure, &endpoint.content_type),
        (OnInvalid::Reject, OnFailure::Reject, &ContentKind::Json.into())
    );
    assert_eq!(
        (&endpoint.methods[..], &endpoint.event_id),
        (&[Method::POST][..], &EventIdSource::WellKnown)
    );
    assert_eq!((&endpoint.auth, endpoint.rate_limit), (&AuthConfig::None, None));
    assert_eq!(source.webhook().body_bytes_max(endpoint), 1 << 20);
    let surrealdb = &pipeline.sink("db").expect("it is there").surrealdb();
    assert_eq!(
        (surrealdb.url.to_string().as_str(), &surrealdb.credentials),
        ("mem://", &None)
    );
    let mapping = &surrealdb.topic_mappings[0];
    assert_eq!(
        (mapping.consumer.subscription_type, mapping.batch.start),
        (SubscriptionType::Shared, StartAt::Earliest)
    );
    assert_eq!(
        (mapping.batch.messages_max, mapping.batch.linger),
        (500, Duration::from_secs(1))
    );
    assert_eq!(
        (mapping.storage_mode, mapping.batch.on_poison),
        (StorageMode::Document, OnPoison::DeadLetter)
    );
}

#[test]
fn every_key_is_read() {
    let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let workspace = Workspace::new()
        .with_file("c.wasm", "")
        .with_file("tls/c.pem", "")
        .with_file("keys/a.pem", pem);
    let text = r#"
name = "p"
data_dir = "/srv/data"
danube_service_url = "embedded:///srv/log"
admin = { host = "::1", port = 0 }
telemetry = { log_format = "json", otlp_endpoint = "http://otel:4318", sample_ratio = 0 }
shutdown = { grace_secs = 5 }
retention = { age_secs = 3600, bytes = 1_073_741_824 }

[[schemas]]
topic = "/a/b"
subject = "s"
schema_type = "json_schema"
schema_file = "schemas/payment.json"
auto_register = false
version_strategy = { minimum = 2 }

[[schemas]]
topic = "/a/raw"
subject = "raw"
schema_type = "bytes"
schema_file = ""

[[sources]]
name = "in"
component = "c.wasm"
lanes = 4
batch = { max_events = 10, max_bytes = 2048, queue_events = 20 }
limits = { memory_bytes = 0x200_0000, call_budget_ms = 7, record_budget_us = 9, output_records = 5 }
[sources.webhook]
host = "::1"
port = 8443
max_body_bytes = 10
tls = { cert_path = "tls/c.pem", key_path = "./tls/c.pem" }
trusted_proxies = ["10.0.0.0/8"]
[[sources.webhook.endpoints]]
path = "/h"
danube_topic = "/a/b"
methods = ["GET", "POST"]
event_id = { pointer = "/id" }
rate_limit = { requests_per_sec = 5 }
max_body_bytes = 99
auth = { type = "hmac", form = "stripe", secrets = ["${NONE:-s}"], tolerance_secs = 60 }
[[sources.webhook.endpoints]]
path = "/g"
danube_topic = "/a/b"
on_invalid = "dead-letter"
on_failure = "dead-letter"
auth = { type = "hmac", form = "github", secrets = ["${NONE:-s}"], unsigned_get = true, header = "X-Sig" }
[[sources.webhook.endpoints]]
path = "/j"
danube_topic = "/a/raw"
content_type = "any"
event_id = "minted"
[sources.webhook.endpoints.auth]
type = "jwt"
algorithm = "RS256"
public_key_files = ["keys/a.pem"]
issuer = "i"

[[sinks]]
name = "out"
component = "builtin:surrealdb-sink"
[sinks.surrealdb]
url = "surrealdb:8000"
namespace = "n"
database = "d"
username = "u"
password = "${NONE:-pw}"
level = "namespace"
datetime_fields = ["at"]
[[sinks.surrealdb.topic_mappings]]
topic = "/a/b"
subscription = "sub"
subscription_type = "FailOver"
start = "latest"
table = "t"
expected_schema_subject = "s"
batch_bytes = 4096
idle_ms = 7
include_danube_metadata = false
storage_mode = "TimeSeries"
id_pointer = "/id"
on_poison = "block-key"
"#;
    let loaded = workspace.accept(text);
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    let pipeline = loaded.pipeline;
    assert_eq!(pipeline.service_url.to_string(), "embedded:///srv/log");
    assert_eq!(pipeline.admin.listen.to_string(), "[::1]:0");
    assert_eq!(pipeline.schemas[0].version_strategy, VersionStrategy::Minimum(2));
    assert_eq!(
        pipeline.schemas[0].definition.as_ref().expect("a file").text,
        r#"{ "type": "object" }"#
    );
    assert_eq!(
        (pipeline.schemas[1].schema_type, &pipeline.schemas[1].definition),
        (SchemaType::Bytes, &None)
    );
    let source = &pipeline.sources[0];
    assert_eq!(source.component, Component::File(workspace.path("c.wasm")));
    assert_eq!(source.limits.memory_bytes, Some(32 << 20));
    assert_eq!(source.limits.record_budget, Some(Duration::from_micros(9)));
    let tls = source.webhook().listener.tls.as_ref().expect("given");
    assert_eq!(tls.cert_path, tls.key_path);
    let [stripe, github, jwt] = &source.webhook().endpoints[..] else {
        panic!("three endpoints")
    };
    let tolerance = Duration::from_secs(60);
    assert!(matches!(&stripe.auth, AuthConfig::Hmac { form, .. } if *form == HmacForm::Stripe { tolerance }));
    let limit = RateLimit::try_new(5, None);
    assert_eq!(stripe.rate_limit, limit.ok());
    assert_eq!(
        (
            source.webhook().body_bytes_max(stripe),
            source.webhook().body_bytes_max(jwt)
        ),
        (99, 10)
    );
    assert!(matches!(&github.auth, AuthConfig::Hmac { header, unsigned_get: true, .. } if header.as_str() == "x-sig"));
    assert!(
        matches!(&jwt.auth, AuthConfig::Jwt { keys: JwtKeys::Rs256(keys), audience: None, .. } if keys[0].pem == pem)
    );
    assert_eq!(jwt.event_id, EventIdSource::Minted);
    let surrealdb = &pipeline.sinks[0].surrealdb();
    assert_eq!(surrealdb.url.to_string(), "ws://surrealdb:8000");
    assert!(matches!(surrealdb.credentials, Some(Credentials::Namespace { .. })));
    assert_eq!(
        surrealdb.topic_mappings[0].consumer.subscription_type,
        SubscriptionType::Failover
    );
}

#[test]
fn components_are_given_their_settings_and_nothing_of_the_hosts() {
    let pipeline = Workspace::new()
        .accept(
            &(source("partitions = 4\nkey_pointer = \"/customer_id\"\n[sources.config]\na = 1")
                + &sink("id_pointer = \"/id\"\nsubscription_type = \"FailOver\"")),
        )
        .pipeline;
    let settings = |name| serde_json::from_str::<serde_json::Value>(&pipeline.settings_json(name).unwrap()).unwrap();
    assert_eq!(
        settings("webhook"),
        serde_json::json!({
            "endpoints": [{
                "path": "/a",
                "danube_topic": "/stripe/payments",
                "partitions": 4,
                "reliable_dispatch": true,
                "content_type": "json",
                "methods": ["POST"],
                "key_pointer": "/customer_id",
            }],
            "config": { "a": 1 },
        })
    );
    assert_eq!(
        settings("db"),
        serde_json::json!({
            "topic_mappings": [{
                "topic": "/stripe/payments",
                "subscription": "s",
                "subscription_type": "Failover",
                "table": "t",
                "include_danube_metadata": true,
                "storage_mode": "Document",
                "id_pointer": "/id",
            }],
            "config": {},
        })
    );
}
