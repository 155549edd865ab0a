//! The schema registry, which any broker of the cluster serves.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{BrokerError, ErrorKind, RegisteredSchema, Registry, Result, SchemaRef};
use danube_wasm_proto::registry::{
    GetLatestSchemaRequest, GetSchemaRequest, GetSchemaResponse, ListVersionsRequest, RegisterSchemaRequest,
    schema_registry_client::SchemaRegistryClient,
};
use tonic::{Request, Response, Status};

use crate::{
    definition,
    fault::{Fault, as_unavailable},
    limits::DECODE_BYTES_MAX,
    shared::Shared,
    wire::Channel,
};

/// See [`Registry`].
pub(crate) struct DanubeRegistry(pub(crate) Arc<Shared>);

impl DanubeRegistry {
    async fn ask<Q, A, F>(
        &self,
        action: &str,
        message: Q,
        call: impl Fn(SchemaRegistryClient<Channel>, Request<Q>) -> F,
    ) -> Result<A, Fault>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let shared = &self.0;
        shared.open().map_err(Fault::Refused)?;
        let call = |channel, request| {
            let client = SchemaRegistryClient::new(channel).max_decoding_message_size(DECODE_BYTES_MAX);
            call(client, request)
        };
        let asked = shared
            .seeds
            .call_any(&shared.wire, &shared.options, action, message, call)
            .await;
        asked.map(|(answer, _)| answer)
    }
}

#[async_trait]
impl Registry for DanubeRegistry {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        let request = GetLatestSchemaRequest {
            subject: subject.to_owned(),
        };
        let call =
            |mut client: SchemaRegistryClient<Channel>, request| async move { client.get_latest_schema(request).await };
        found(self.ask(&format!("reading schema `{subject}`"), request, call).await)
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        let SchemaRef { id, version } = reference;
        let request = GetSchemaRequest {
            schema_id: id,
            version: Some(version),
        };
        let call = |mut client: SchemaRegistryClient<Channel>, request| async move { client.get_schema(request).await };
        found(
            self.ask(&format!("reading version {version} of schema {id}"), request, call)
                .await,
        )
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        let request = ListVersionsRequest {
            subject: subject.to_owned(),
        };
        let call =
            |mut client: SchemaRegistryClient<Channel>, request| async move { client.list_versions(request).await };
        let listed = match self
            .ask(&format!("listing versions of schema `{subject}`"), request, call)
            .await
        {
            Ok(listed) => listed.versions,
            Err(Fault::Missing(_)) => return Ok(Vec::new()),
            Err(fault) => return Err(unanswered(fault)),
        };
        let mut versions = Vec::with_capacity(listed.len());
        for info in listed {
            let reference = SchemaRef {
                id: info.schema_id,
                version: info.version,
            };
            // A version may have been deleted meanwhile.
            versions.extend(self.get(reference).await?);
        }
        versions.sort_by_key(|schema| schema.reference.version);
        Ok(versions)
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let request = RegisterSchemaRequest {
            subject: subject.to_owned(),
            schema_type: schema_type.to_owned(),
            schema_definition: definition.to_owned().into(),
            description: String::new(),
            created_by: "danube-wasm".to_owned(),
            tags: Vec::new(),
        };
        let call =
            |mut client: SchemaRegistryClient<Channel>, request| async move { client.register_schema(request).await };
        let action = format!("registering schema `{subject}`");
        let registered = self.ask(&action, request, call).await.map_err(refused)?;
        Ok(RegisteredSchema {
            reference: SchemaRef {
                id: registered.schema_id,
                version: registered.version,
            },
            subject: subject.to_owned(),
            schema_type: schema_type.to_owned(),
            definition: definition.to_owned(),
        })
    }
}

fn found(answer: Result<GetSchemaResponse, Fault>) -> Result<Option<RegisteredSchema>> {
    match answer {
        Ok(schema) => Ok(Some(RegisteredSchema {
            reference: SchemaRef {
                id: schema.schema_id,
                version: schema.version,
            },
            definition: definition::text(&schema.schema_definition)?,
            subject: schema.subject,
            schema_type: schema.schema_type,
        })),
        Err(Fault::Missing(_)) => Ok(None),
        Err(fault) => Err(unanswered(fault)),
    }
}

/// Why there is no answer. Retryable: a token that is refused now may be renewed, a file that cannot be read may be
/// fixed.
fn unanswered(fault: Fault) -> BrokerError {
    match fault {
        Fault::Lost(error) => as_unavailable(&error),
        Fault::Missing(error) | Fault::Refused(error) => error,
    }
}

/// Brokers return `Internal` both for a schema that cannot be registered and for their own failures.
fn refused(fault: Fault) -> BrokerError {
    let signs = [
        "not compatible",
        "ncompatible",
        "nvalid",
        "parse",
        "Unknown schema type",
        "does not match",
    ];
    let error = fault.error();
    match error.is_transient() && signs.iter().any(|sign| error.message.contains(sign)) {
        true => BrokerError::new(
            ErrorKind::Conflict,
            format!(
                "{}. Correct the schema, or register it under another subject",
                error.message
            ),
        ),
        false => unanswered(fault),
    }
}
