//! The schema subject of a topic: set by its first producer that names one, or by an administrator.

use danube_wasm_broker::embedded::NoteKind;
use danube_wasm_model::TopicName;
use danube_wasm_proto::{
    api::{SchemaReference, schema_reference::VersionRef},
    registry::{
        ConfigureTopicSchemaRequest, ConfigureTopicSchemaResponse, GetTopicSchemaConfigRequest,
        GetTopicSchemaConfigResponse, UpdateTopicValidationPolicyRequest, UpdateTopicValidationPolicyResponse,
    },
};
use tonic::Status;

use super::latest;
use crate::{names, shared::ServerState, status};

/// Sets a topic's subject to that of a producer, or confirms that it is the same.
pub(crate) async fn bind_topic(
    server: &ServerState,
    topic: &TopicName,
    schema: &SchemaReference,
) -> Result<(), Status> {
    let subject = schema.subject.as_str();
    let newest = latest(server, subject).await.map_err(|status| match status.code() {
        tonic::Code::NotFound => Status::failed_precondition(format!(
            "topic {topic} cannot use schema subject `{subject}`, which does not exist: ensure that the schema is \
             registered first"
        )),
        _ => status,
    })?;
    let newest = newest.reference.version;
    let missing = match schema.version_ref {
        Some(VersionRef::PinnedVersion(version)) if !(1..=newest).contains(&version) => Some(version),
        Some(VersionRef::MinVersion(version)) if version > newest => Some(version),
        _ => None,
    };
    if let Some(version) = missing {
        return Err(Status::failed_precondition(format!(
            "subject `{subject}` has {newest} versions and version {version} was asked for: ensure that the schema is \
             registered first"
        )));
    }
    let _comparing = server.schemas.lock().await;
    match subject_of(server, topic).await? {
        Some(tied) if tied == subject => Ok(()),
        Some(tied) => Err(Status::failed_precondition(format!(
            "topic {topic} uses schema subject `{tied}`, and the producer names `{subject}`"
        ))),
        None => set_subject(server, topic, subject).await,
    }
}

pub(super) async fn configure(
    server: &ServerState,
    request: ConfigureTopicSchemaRequest,
) -> Result<ConfigureTopicSchemaResponse, Status> {
    let target = find(server, &request.topic_name)?;
    check_policy(&request.validation_policy, request.enable_payload_validation)?;
    latest(server, &request.schema_subject).await?;
    let _comparing = server.schemas.lock().await;
    set_subject(server, &target, &request.schema_subject).await?;
    store_policy(server, &target, &request.validation_policy).await?;
    Ok(ConfigureTopicSchemaResponse {
        success: true,
        message: format!("topic {target} uses schema subject `{}`", request.schema_subject),
    })
}

pub(super) async fn update_policy(
    server: &ServerState,
    request: UpdateTopicValidationPolicyRequest,
) -> Result<UpdateTopicValidationPolicyResponse, Status> {
    let target = find(server, &request.topic_name)?;
    check_policy(&request.validation_policy, request.enable_payload_validation)?;
    if subject_of(server, &target).await?.is_none() {
        return Err(no_subject_error(&target));
    }
    store_policy(server, &target, &request.validation_policy).await?;
    Ok(UpdateTopicValidationPolicyResponse {
        success: true,
        message: format!(
            "the validation policy of topic {target} is {}",
            request.validation_policy
        ),
    })
}

pub(super) async fn configuration(
    server: &ServerState,
    request: GetTopicSchemaConfigRequest,
) -> Result<GetTopicSchemaConfigResponse, Status> {
    let target = find(server, &request.topic_name)?;
    let subject = subject_of(server, &target)
        .await?
        .ok_or_else(|| no_subject_error(&target))?;
    let schema = latest(server, &subject).await?;
    let policy = server.broker.note(NoteKind::TopicValidation, target.as_str()).await;
    Ok(GetTopicSchemaConfigResponse {
        schema_subject: subject,
        validation_policy: policy.map_err(status::from_error)?.unwrap_or_else(|| "none".to_owned()),
        enable_payload_validation: false,
        schema_id: schema.reference.id,
    })
}

/// The topic, from its name or that of one of its partitions.
fn find(server: &ServerState, text: &str) -> Result<TopicName, Status> {
    let name = names::parse(text)?;
    match server.broker.partitions(&name) {
        Some(_) => Ok(name),
        None => names::find_existing(&server.broker, text).map(|target| target.topic),
    }
}

async fn subject_of(server: &ServerState, topic: &TopicName) -> Result<Option<String>, Status> {
    server
        .broker
        .note(NoteKind::TopicSubject, topic.as_str())
        .await
        .map_err(status::from_error)
}

async fn set_subject(server: &ServerState, topic: &TopicName, subject: &str) -> Result<(), Status> {
    let tied = server
        .broker
        .set_note(NoteKind::TopicSubject, topic.as_str(), subject)
        .await;
    tied.map_err(status::from_error)
}

async fn store_policy(server: &ServerState, topic: &TopicName, policy: &str) -> Result<(), Status> {
    let policy = policy.to_lowercase();
    let kept = server
        .broker
        .set_note(NoteKind::TopicValidation, topic.as_str(), &policy)
        .await;
    kept.map_err(status::from_error)
}

/// Accepts only a policy that refuses nothing.
fn check_policy(policy: &str, validate: bool) -> Result<(), Status> {
    match policy.to_lowercase().as_str() {
        "none" | "warn" if !validate => Ok(()),
        "none" | "warn" | "enforce" => Err(Status::unimplemented(
            "this broker validates no payload: danube-wasm's sources do before they publish; a Danube cluster can",
        )),
        _ => Err(Status::invalid_argument("a validation policy is none, warn or enforce")),
    }
}

fn no_subject_error(topic: &TopicName) -> Status {
    Status::not_found(format!("topic {topic} uses no schema subject"))
}
