//! The schema subject that a topic is tied to: by its first producer that names one, or by an administrator.

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
use crate::{core::Core, names, status};

/// Ties a topic to a producer's subject, or confirms that it is tied to it.
pub(crate) async fn bind_topic(core: &Core, topic: &TopicName, schema: &SchemaReference) -> Result<(), Status> {
    let subject = schema.subject.as_str();
    let newest = latest(core, subject).await.map_err(|status| match status.code() {
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
    let _comparing = core.schemas.lock().await;
    match subject_of(core, topic).await? {
        Some(tied) if tied == subject => Ok(()),
        Some(tied) => Err(Status::failed_precondition(format!(
            "topic {topic} uses schema subject `{tied}`, and the producer names `{subject}`"
        ))),
        None => tie(core, topic, subject).await,
    }
}

pub(super) async fn configure(
    core: &Core,
    request: ConfigureTopicSchemaRequest,
) -> Result<ConfigureTopicSchemaResponse, Status> {
    let place = find(core, &request.topic_name)?;
    check_policy(&request.validation_policy, request.enable_payload_validation)?;
    latest(core, &request.schema_subject).await?;
    let _comparing = core.schemas.lock().await;
    tie(core, &place, &request.schema_subject).await?;
    keep_policy(core, &place, &request.validation_policy).await?;
    Ok(ConfigureTopicSchemaResponse {
        success: true,
        message: format!("topic {place} uses schema subject `{}`", request.schema_subject),
    })
}

pub(super) async fn update_policy(
    core: &Core,
    request: UpdateTopicValidationPolicyRequest,
) -> Result<UpdateTopicValidationPolicyResponse, Status> {
    let place = find(core, &request.topic_name)?;
    check_policy(&request.validation_policy, request.enable_payload_validation)?;
    if subject_of(core, &place).await?.is_none() {
        return Err(untied(&place));
    }
    keep_policy(core, &place, &request.validation_policy).await?;
    Ok(UpdateTopicValidationPolicyResponse {
        success: true,
        message: format!(
            "the validation policy of topic {place} is {}",
            request.validation_policy
        ),
    })
}

pub(super) async fn configuration(
    core: &Core,
    request: GetTopicSchemaConfigRequest,
) -> Result<GetTopicSchemaConfigResponse, Status> {
    let place = find(core, &request.topic_name)?;
    let subject = subject_of(core, &place).await?.ok_or_else(|| untied(&place))?;
    let schema = latest(core, &subject).await?;
    let policy = core.broker.note(NoteKind::TopicValidation, place.as_str()).await;
    Ok(GetTopicSchemaConfigResponse {
        schema_subject: subject,
        validation_policy: policy.map_err(status::of)?.unwrap_or_else(|| "none".to_owned()),
        enable_payload_validation: false,
        schema_id: schema.reference.id,
    })
}

/// The topic, named as a whole or by one of its partitions.
fn find(core: &Core, text: &str) -> Result<TopicName, Status> {
    let name = names::parse(text)?;
    match core.broker.partitions(&name) {
        Some(_) => Ok(name),
        None => names::find(&core.broker, text).map(|place| place.topic),
    }
}

async fn subject_of(core: &Core, topic: &TopicName) -> Result<Option<String>, Status> {
    core.broker
        .note(NoteKind::TopicSubject, topic.as_str())
        .await
        .map_err(status::of)
}

async fn tie(core: &Core, topic: &TopicName, subject: &str) -> Result<(), Status> {
    let tied = core
        .broker
        .set_note(NoteKind::TopicSubject, topic.as_str(), subject)
        .await;
    tied.map_err(status::of)
}

async fn keep_policy(core: &Core, topic: &TopicName, policy: &str) -> Result<(), Status> {
    let policy = policy.to_lowercase();
    let kept = core
        .broker
        .set_note(NoteKind::TopicValidation, topic.as_str(), &policy)
        .await;
    kept.map_err(status::of)
}

/// A policy that this broker keeps: one that refuses nothing.
fn check_policy(policy: &str, validate: bool) -> Result<(), Status> {
    match policy.to_lowercase().as_str() {
        "none" | "warn" if !validate => Ok(()),
        "none" | "warn" | "enforce" => Err(Status::unimplemented(
            "this broker validates no payload: danube-wasm's sources do before they publish; a Danube cluster can",
        )),
        _ => Err(Status::invalid_argument("a validation policy is none, warn or enforce")),
    }
}

fn untied(topic: &TopicName) -> Status {
    Status::not_found(format!("topic {topic} uses no schema subject"))
}
