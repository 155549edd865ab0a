//! Health checks: whether a producer or a consumer is still known. Danube's clients ask every 5 s, and reconnect after
//! `CLOSE`.

use std::sync::Arc;

use danube_wasm_proto::api::{
    HealthCheckRequest, HealthCheckResponse, health_check_request::ClientType, health_check_response::ClientStatus,
    health_check_server::HealthCheck,
};
use tonic::{Request, Response, Status};

use crate::shared::ServerState;

/// See the module.
pub(crate) struct HealthApi(pub(crate) Arc<ServerState>);

#[tonic::async_trait]
impl HealthCheck for HealthApi {
    async fn health_check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let HealthCheckRequest { client, id, .. } = request.into_inner();
        let server = &self.0;
        let is_known = match ClientType::try_from(client) {
            Ok(ClientType::Producer) => server.producers.is_alive(&server.broker, id),
            Ok(ClientType::Consumer) => server.consumers.is_alive(&server.broker, id),
            Err(_) => {
                let message = format!("there is no client type {client}: 0 is a producer, 1 a consumer");
                return Err(Status::invalid_argument(message));
            }
        };
        let status = if is_known && !server.stopping.is_cancelled() {
            ClientStatus::Ok
        } else {
            ClientStatus::Close
        };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }
}
