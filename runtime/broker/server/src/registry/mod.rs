//! The schema registry on the wire.

mod compatibility;
mod definition;
mod details;
mod topics;

use std::sync::Arc;

use danube_wasm_broker::{Broker, RegisteredSchema, SchemaRef, embedded::NoteKind};
use danube_wasm_proto::registry::{
    CheckCompatibilityRequest, CheckCompatibilityResponse, ConfigureTopicSchemaRequest, ConfigureTopicSchemaResponse,
    DeleteSchemaVersionRequest, DeleteSchemaVersionResponse, GetLatestSchemaRequest, GetSchemaRequest,
    GetSchemaResponse, GetTopicSchemaConfigRequest, GetTopicSchemaConfigResponse, ListSubjectsRequest,
    ListSubjectsResponse, ListVersionsRequest, ListVersionsResponse, RegisterSchemaRequest, RegisterSchemaResponse,
    SchemaVersionInfo, SetCompatibilityModeRequest, SetCompatibilityModeResponse, SubjectSummary,
    UpdateTopicValidationPolicyRequest, UpdateTopicValidationPolicyResponse, schema_registry_server::SchemaRegistry,
};
use tonic::{Request, Response, Status};

use self::{compatibility::CompatibilityMode, definition::Definition, details::SchemaDetails};
use crate::{shared::ServerState, status};

pub(crate) use topics::bind_topic;

/// See the module.
pub(crate) struct RegistryApi(pub(crate) Arc<ServerState>);

#[tonic::async_trait]
impl SchemaRegistry for RegistryApi {
    async fn register_schema(
        &self,
        request: Request<RegisterSchemaRequest>,
    ) -> Result<Response<RegisterSchemaResponse>, Status> {
        let request = request.into_inner();
        let subject = request.subject.as_str();
        status::check_name("subject", subject)?;
        let definition = Definition::read(&request.schema_type, &request.schema_definition)?;
        let details = SchemaDetails::now(request.description, request.created_by, request.tags)?;
        let server = &self.0;
        let _comparing = server.schemas.lock().await;
        let registry = server.broker.registry();
        let versions = registry.versions(subject).await.map_err(status::from_error)?;
        let fingerprint = definition.fingerprint();
        if let Some(same) = versions
            .iter()
            .find(|known| Definition::of(known).fingerprint() == fingerprint)
        {
            return Ok(Response::new(registered(same, false, fingerprint)));
        }
        if let Some(newest) = versions.last() {
            let mode = mode(server, subject).await?;
            let errors = mode.errors(&Definition::of(newest), &definition);
            if !errors.is_empty() {
                return Err(Status::failed_precondition(format!(
                    "schema is not compatible with version {} of subject `{subject}` (mode {}): {}. Register it under \
                     another subject, or change the mode",
                    newest.reference.version,
                    mode.as_str(),
                    errors.join("; ")
                )));
            }
        }
        let new = registry
            .register(subject, definition.schema_type(), definition.text())
            .await;
        let new = new.map_err(status::from_error)?;
        details.store(server, subject, new.reference.version).await?;
        Ok(Response::new(registered(&new, true, fingerprint)))
    }

    async fn get_schema(&self, request: Request<GetSchemaRequest>) -> Result<Response<GetSchemaResponse>, Status> {
        let GetSchemaRequest { schema_id: id, version } = request.into_inner();
        let registry = self.0.broker.registry();
        // The first version names the subject: versions are never deleted.
        let version_asked = version.unwrap_or(1);
        let reference = SchemaRef {
            id,
            version: version_asked,
        };
        let mut found = registry.get(reference).await.map_err(status::from_error)?;
        if let (Some(first), None) = (&found, version) {
            found = registry.latest(&first.subject).await.map_err(status::from_error)?;
        }
        let found = found.ok_or_else(|| {
            Status::not_found(match version {
                Some(version) => format!("there is no version {version} of a schema with id {id}"),
                None => format!("there is no schema with id {id}"),
            })
        })?;
        self.response(found).await
    }

    async fn get_latest_schema(
        &self,
        request: Request<GetLatestSchemaRequest>,
    ) -> Result<Response<GetSchemaResponse>, Status> {
        let subject = request.into_inner().subject;
        let found = latest(&self.0, &subject).await?;
        self.response(found).await
    }

    async fn list_versions(
        &self,
        request: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        let subject = request.into_inner().subject;
        let server = &self.0;
        let known = server
            .broker
            .registry()
            .versions(&subject)
            .await
            .map_err(status::from_error)?;
        if known.is_empty() {
            return Err(unknown(&subject));
        }
        let mut versions = Vec::with_capacity(known.len());
        for schema in known {
            let details = SchemaDetails::load(server, &subject, schema.reference.version).await?;
            versions.push(SchemaVersionInfo {
                version: schema.reference.version,
                created_at: details.created_at,
                created_by: details.created_by,
                description: details.description,
                fingerprint: Definition::of(&schema).fingerprint(),
                schema_id: schema.reference.id,
            });
        }
        Ok(Response::new(ListVersionsResponse { versions }))
    }

    async fn check_compatibility(
        &self,
        request: Request<CheckCompatibilityRequest>,
    ) -> Result<Response<CheckCompatibilityResponse>, Status> {
        let request = request.into_inner();
        let server = &self.0;
        let newest = latest(server, &request.subject).await?;
        let definition = Definition::read(&request.schema_type, &request.new_schema_definition)?;
        let mode = match request.compatibility_mode.as_deref() {
            Some(text) => CompatibilityMode::read(text)?,
            None => mode(server, &request.subject).await?,
        };
        let errors = mode.errors(&Definition::of(&newest), &definition);
        Ok(Response::new(CheckCompatibilityResponse {
            is_compatible: errors.is_empty(),
            errors,
        }))
    }

    async fn delete_schema_version(
        &self,
        _: Request<DeleteSchemaVersionRequest>,
    ) -> Result<Response<DeleteSchemaVersionResponse>, Status> {
        Err(Status::unimplemented(
            "this broker keeps every version of a schema, because stored messages name them: register a newer version, \
             or use another subject",
        ))
    }

    async fn set_compatibility_mode(
        &self,
        request: Request<SetCompatibilityModeRequest>,
    ) -> Result<Response<SetCompatibilityModeResponse>, Status> {
        let request = request.into_inner();
        let mode = CompatibilityMode::read(&request.compatibility_mode)?;
        let (server, subject) = (&self.0, &request.subject);
        latest(server, subject).await?;
        let kept = server
            .broker
            .set_note(NoteKind::SubjectMode, subject, mode.as_str())
            .await;
        kept.map_err(status::from_error)?;
        Ok(Response::new(SetCompatibilityModeResponse {
            success: true,
            message: format!("the compatibility mode of `{subject}` is {}", mode.as_str()),
        }))
    }

    async fn configure_topic_schema(
        &self,
        request: Request<ConfigureTopicSchemaRequest>,
    ) -> Result<Response<ConfigureTopicSchemaResponse>, Status> {
        topics::configure(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn update_topic_validation_policy(
        &self,
        request: Request<UpdateTopicValidationPolicyRequest>,
    ) -> Result<Response<UpdateTopicValidationPolicyResponse>, Status> {
        topics::update_policy(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_topic_schema_config(
        &self,
        request: Request<GetTopicSchemaConfigRequest>,
    ) -> Result<Response<GetTopicSchemaConfigResponse>, Status> {
        topics::configuration(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_subjects(&self, _: Request<ListSubjectsRequest>) -> Result<Response<ListSubjectsResponse>, Status> {
        let server = &self.0;
        let mut subjects = Vec::new();
        for subject in server.broker.subjects().await.map_err(status::from_error)? {
            let newest = latest(server, &subject).await?;
            let details = SchemaDetails::load(server, &subject, newest.reference.version).await?;
            subjects.push(SubjectSummary {
                schema_type: Definition::of(&newest).schema_type().to_owned(),
                latest_version: newest.reference.version,
                compatibility_mode: mode(server, &subject).await?.as_str().to_owned(),
                schema_id: newest.reference.id,
                tags: details.tags,
                subject,
            });
        }
        Ok(Response::new(ListSubjectsResponse { subjects }))
    }
}

impl RegistryApi {
    async fn response(&self, schema: RegisteredSchema) -> Result<Response<GetSchemaResponse>, Status> {
        let server = &self.0;
        let details = SchemaDetails::load(server, &schema.subject, schema.reference.version).await?;
        let mode = mode(server, &schema.subject).await?;
        let definition = Definition::of(&schema);
        Ok(Response::new(GetSchemaResponse {
            schema_id: schema.reference.id,
            version: schema.reference.version,
            schema_type: definition.schema_type().to_owned(),
            schema_definition: definition.wrapped().into(),
            description: details.description,
            created_at: details.created_at,
            created_by: details.created_by,
            tags: details.tags,
            fingerprint: definition.fingerprint(),
            compatibility_mode: mode.as_str().to_owned(),
            subject: schema.subject,
        }))
    }
}

async fn latest(server: &ServerState, subject: &str) -> Result<RegisteredSchema, Status> {
    let found = server
        .broker
        .registry()
        .latest(subject)
        .await
        .map_err(status::from_error)?;
    found.ok_or_else(|| unknown(subject))
}

async fn mode(server: &ServerState, subject: &str) -> Result<CompatibilityMode, Status> {
    match server
        .broker
        .note(NoteKind::SubjectMode, subject)
        .await
        .map_err(status::from_error)?
    {
        Some(text) => CompatibilityMode::read(&text),
        None => Ok(CompatibilityMode::default()),
    }
}

fn registered(schema: &RegisteredSchema, is_new_version: bool, fingerprint: String) -> RegisterSchemaResponse {
    RegisterSchemaResponse {
        schema_id: schema.reference.id,
        version: schema.reference.version,
        is_new_version,
        fingerprint,
    }
}

fn unknown(subject: &str) -> Status {
    Status::not_found(format!(
        "there is no schema subject `{subject}`: register a schema for it first"
    ))
}
