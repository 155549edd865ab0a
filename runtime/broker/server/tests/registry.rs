//! The schema registry as Danube's clients use it, and what ties topics to it.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use danube_wasm_broker::Broker;
use danube_wasm_proto::{
    api::{ProducerRequest, SchemaReference, schema_reference::VersionRef},
    registry::{
        CheckCompatibilityRequest, ConfigureTopicSchemaRequest, DeleteSchemaVersionRequest, GetLatestSchemaRequest,
        GetSchemaRequest, GetTopicSchemaConfigRequest, ListSubjectsRequest, ListVersionsRequest, RegisterSchemaRequest,
        SetCompatibilityModeRequest, UpdateTopicValidationPolicyRequest, schema_registry_client::SchemaRegistryClient,
    },
};
use support::*;
use tonic::{Code, transport::Channel};

const FIRST: &str = r#"{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}"#;
const OPTIONAL_ADDED: &str =
    r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}},"required":["a"]}"#;
const RETYPED: &str = r#"{"type":"object","properties":{"a":{"type":"number"}},"required":["a"]}"#;

fn register(subject: &str, schema_type: &str, text: &str) -> RegisterSchemaRequest {
    RegisterSchemaRequest {
        subject: subject.into(),
        schema_type: schema_type.into(),
        schema_definition: text.as_bytes().to_vec().into(),
        description: "why".into(),
        created_by: "who".into(),
        tags: vec!["tag".into()],
    }
}

#[tokio::test]
async fn versions_are_registered_found_and_compared() {
    let server = Server::start().await;
    let mut registry = server.client().await.registry;
    assert_eq!(code(registry.get_latest_schema(latest("s")).await), Code::NotFound);
    let first = registry
        .register_schema(register("s", "json_schema", FIRST))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((first.version, first.is_new_version), (1, true));
    let respaced = FIRST.replace(' ', "");
    let same = registry
        .register_schema(register("s", "json", &respaced))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (same.schema_id, same.version, same.is_new_version),
        (first.schema_id, 1, false)
    );
    assert_eq!(same.fingerprint, first.fingerprint);
    let refused = registry
        .register_schema(register("s", "json_schema", RETYPED))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("`a` changes its type"), "{refused:?}");
    let second = registry
        .register_schema(register("s", "json_schema", OPTIONAL_ADDED))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((second.schema_id, second.version), (first.schema_id, 2));
    check_found(&mut registry, first.schema_id).await;
    check_listed(&server, &mut registry).await;
}

fn latest(subject: &str) -> GetLatestSchemaRequest {
    GetLatestSchemaRequest {
        subject: subject.into(),
    }
}

async fn check_found(registry: &mut SchemaRegistryClient<Channel>, schema_id: u64) {
    let found = registry.get_latest_schema(latest("s")).await.unwrap().into_inner();
    assert_eq!(
        (found.version, found.schema_id, found.subject.as_str()),
        (2, schema_id, "s")
    );
    assert_eq!(
        (found.schema_type.as_str(), found.compatibility_mode.as_str()),
        ("json_schema", "backward")
    );
    assert_eq!((found.description.as_str(), found.created_by.as_str()), ("why", "who"));
    assert!(
        found.created_at > 1_600_000_000 && found.created_at < 100_000_000_000,
        "seconds"
    );
    let wrapped: serde_json::Value = serde_json::from_slice(&found.schema_definition).unwrap();
    assert_eq!(wrapped["JsonSchema"]["raw_schema"], OPTIONAL_ADDED);
    let by_id = |version| GetSchemaRequest { schema_id, version };
    assert_eq!(registry.get_schema(by_id(None)).await.unwrap().into_inner().version, 2);
    let old = registry.get_schema(by_id(Some(1))).await.unwrap().into_inner();
    let wrapped: serde_json::Value = serde_json::from_slice(&old.schema_definition).unwrap();
    assert_eq!(wrapped["JsonSchema"]["raw_schema"], FIRST);
    assert_eq!(code(registry.get_schema(by_id(Some(3))).await), Code::NotFound);
    let versions = registry
        .list_versions(ListVersionsRequest { subject: "s".into() })
        .await
        .unwrap()
        .into_inner();
    let versions: Vec<_> = versions
        .versions
        .iter()
        .map(|v| (v.version, v.created_by.as_str()))
        .collect();
    assert_eq!(versions, [(1, "who"), (2, "who")]);
    let missing = registry
        .list_versions(ListVersionsRequest { subject: "t".into() })
        .await;
    assert_eq!(code(missing), Code::NotFound);
}

async fn check_listed(server: &Server, registry: &mut SchemaRegistryClient<Channel>) {
    // What the process itself registers is there too.
    server.broker.registry().register("own", "string", "").await.unwrap();
    let own = registry.get_latest_schema(latest("own")).await.unwrap().into_inner();
    assert_eq!(&*own.schema_definition, br#""String""#);
    let subjects = registry
        .list_subjects(ListSubjectsRequest {})
        .await
        .unwrap()
        .into_inner()
        .subjects;
    let subjects: Vec<_> = subjects
        .iter()
        .map(|s| (s.subject.as_str(), s.latest_version))
        .collect();
    assert_eq!(subjects, [("own", 1), ("s", 2)]);
    let kept = DeleteSchemaVersionRequest {
        subject: "s".into(),
        version: 1,
    };
    assert_eq!(code(registry.delete_schema_version(kept).await), Code::Unimplemented);
}

#[tokio::test]
async fn a_subjects_mode_is_kept_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let options = danube_wasm_broker::embedded::EmbeddedOptions::default();
        danube_wasm_broker::embedded::EmbeddedBroker::open(directory.path(), options).unwrap()
    };
    let mut server = Server::of(open(), Default::default()).await;
    let mut registry = server.client().await.registry;
    let mode = |subject: &str, mode: &str| SetCompatibilityModeRequest {
        subject: subject.into(),
        compatibility_mode: mode.into(),
    };
    assert_eq!(
        code(registry.set_compatibility_mode(mode("s", "none")).await),
        Code::NotFound
    );
    registry
        .register_schema(register("s", "json_schema", FIRST))
        .await
        .unwrap();
    assert_eq!(
        code(registry.set_compatibility_mode(mode("s", "sideways")).await),
        Code::InvalidArgument
    );
    registry.set_compatibility_mode(mode("s", "NONE")).await.unwrap();
    drop(registry);
    within(server.stop()).await.unwrap().unwrap();
    server.broker.close().await.unwrap();

    let server = Server::of(open(), Default::default()).await;
    let mut registry = server.client().await.registry;
    let compared = |mode: Option<&str>| CheckCompatibilityRequest {
        subject: "s".into(),
        new_schema_definition: RETYPED.as_bytes().to_vec().into(),
        schema_type: "json_schema".into(),
        compatibility_mode: mode.map(str::to_owned),
    };
    assert!(
        registry
            .check_compatibility(compared(None))
            .await
            .unwrap()
            .into_inner()
            .is_compatible
    );
    let backward = registry
        .check_compatibility(compared(Some("backward")))
        .await
        .unwrap()
        .into_inner();
    assert!(!backward.is_compatible);
    assert_eq!(backward.errors, ["`a` changes its type"]);
    registry
        .register_schema(register("s", "json_schema", RETYPED))
        .await
        .unwrap();
}

#[tokio::test]
async fn malformed_schemas_are_refused() {
    let server = Server::start().await;
    let mut registry = server.client().await.registry;
    let mut refused = async |request| code(registry.register_schema(request).await);
    assert_eq!(refused(register("", "string", "")).await, Code::InvalidArgument);
    assert_eq!(refused(register("s", "xml", "<a/>")).await, Code::InvalidArgument);
    assert_eq!(refused(register("s", "json_schema", "{")).await, Code::InvalidArgument);
    assert_eq!(
        refused(register("s", "json_schema", &format!("\"{}\"", "x".repeat(2 << 20)))).await,
        Code::InvalidArgument
    );
    let mut chatty = register("s", "string", "");
    chatty.description = "x".repeat(20_000);
    assert_eq!(refused(chatty).await, Code::InvalidArgument);
}

fn producer(subject: &str, version_ref: Option<VersionRef>) -> ProducerRequest {
    ProducerRequest {
        producer_name: "p".into(),
        topic_name: format!("{TOPIC}-part-0"),
        schema_ref: Some(SchemaReference {
            subject: subject.into(),
            version_ref,
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_first_producer_ties_a_topic_to_its_subject() {
    let server = Server::start().await;
    let client = server.client().await;
    let mut registry = client.registry.clone();
    let create = |request| {
        let mut producers = client.producers.clone();
        async move { producers.create_producer(request).await }
    };
    let unregistered = create(producer("one", None)).await.unwrap_err();
    assert_eq!(unregistered.code(), Code::FailedPrecondition);
    assert!(
        unregistered.message().contains("schema is registered first"),
        "{unregistered:?}"
    );
    for subject in ["one", "two"] {
        registry
            .register_schema(register(subject, "json_schema", FIRST))
            .await
            .unwrap();
    }
    assert_eq!(
        code(create(producer("one", Some(VersionRef::PinnedVersion(2)))).await),
        Code::FailedPrecondition
    );
    assert_eq!(
        code(create(producer("one", Some(VersionRef::MinVersion(2)))).await),
        Code::FailedPrecondition
    );
    create(producer("one", Some(VersionRef::PinnedVersion(1))))
        .await
        .unwrap();
    create(producer("one", Some(VersionRef::UseLatest(true))))
        .await
        .unwrap();
    let other = create(producer("two", None)).await.unwrap_err();
    assert_eq!(other.code(), Code::FailedPrecondition);
    assert!(other.message().contains("uses schema subject `one`"), "{other:?}");
}

#[tokio::test]
async fn an_administrator_changes_the_subject_and_the_policy_of_a_topic() {
    let server = Server::start().await;
    let client = server.client().await;
    let mut registry = client.registry.clone();
    for subject in ["one", "two"] {
        registry
            .register_schema(register(subject, "json_schema", FIRST))
            .await
            .unwrap();
    }
    let create = |request| {
        let mut producers = client.producers.clone();
        async move { producers.create_producer(request).await }
    };
    create(producer("one", None)).await.unwrap();
    let configuration = || GetTopicSchemaConfigRequest {
        topic_name: TOPIC.into(),
    };
    let found = registry
        .get_topic_schema_config(configuration())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (found.schema_subject.as_str(), found.validation_policy.as_str()),
        ("one", "none")
    );
    let configure = |policy: &str, validate| ConfigureTopicSchemaRequest {
        topic_name: TOPIC.into(),
        schema_subject: "two".into(),
        validation_policy: policy.into(),
        enable_payload_validation: validate,
    };
    assert_eq!(
        code(registry.configure_topic_schema(configure("maybe", false)).await),
        Code::InvalidArgument
    );
    // Promises that would not be kept.
    assert_eq!(
        code(registry.configure_topic_schema(configure("enforce", false)).await),
        Code::Unimplemented
    );
    assert_eq!(
        code(registry.configure_topic_schema(configure("warn", true)).await),
        Code::Unimplemented
    );
    registry.configure_topic_schema(configure("warn", false)).await.unwrap();
    create(producer("two", None)).await.unwrap();
    let policy = UpdateTopicValidationPolicyRequest {
        topic_name: TOPIC.into(),
        validation_policy: "none".into(),
        enable_payload_validation: false,
    };
    registry.update_topic_validation_policy(policy).await.unwrap();
    let found = registry
        .get_topic_schema_config(configuration())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (found.schema_subject.as_str(), found.validation_policy.as_str()),
        ("two", "none")
    );
}
