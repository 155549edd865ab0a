//! Which broker serves a topic (this one), and which partitions it has.

use std::sync::Arc;

use danube_wasm_proto::api::{
    TopicLookupRequest, TopicLookupResponse, TopicPartitionsResponse, discovery_server::Discovery,
    topic_lookup_response::LookupType,
};
use tonic::{Request, Response, Status};

use crate::{auth, names, shared::ServerState};

/// See the module.
pub(crate) struct DiscoveryApi(pub(crate) Arc<ServerState>);

#[tonic::async_trait]
impl Discovery for DiscoveryApi {
    async fn topic_lookup(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicLookupResponse>, Status> {
        let address = auth::address(&request);
        let TopicLookupRequest { request_id, topic } = request.into_inner();
        if partitions(&self.0, &topic)?.is_empty() {
            return Err(Status::not_found(format!("topic {topic} does not exist")));
        }
        Ok(Response::new(TopicLookupResponse {
            request_id,
            response_type: LookupType::Connect.into(),
            connect_url: address.clone(),
            broker_url: address,
            proxy: false,
        }))
    }

    async fn topic_partitions(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicPartitionsResponse>, Status> {
        let TopicLookupRequest { request_id, topic } = request.into_inner();
        let partitions = partitions(&self.0, &topic)?;
        Ok(Response::new(TopicPartitionsResponse { request_id, partitions }))
    }
}

/// The names of the topics that hold the messages of `topic` on the wire: itself, its partitions, or none.
fn partitions(server: &ServerState, topic: &str) -> Result<Vec<String>, Status> {
    let name = names::parse(topic)?;
    Ok(match server.broker.partitions(&name) {
        Some(n) if n > 0 => (0..n).map(|number| name.partition(number).to_string()).collect(),
        _ => match names::find_existing(&server.broker, topic) {
            Ok(target) => vec![target.name.to_string()],
            Err(_) => Vec::new(),
        },
    })
}
