//! Whether a producer or a consumer is still known. Danube's clients ask every 5 s, and begin anew on `CLOSE`.

use std::sync::Arc;

use danube_wasm_proto::api::{
    HealthCheckRequest, HealthCheckResponse, health_check_request::ClientType, health_check_response::ClientStatus,
    health_check_server::HealthCheck,
};
use tonic::{Request, Response, Status};

use crate::core::Core;

/// See the module.
pub(crate) struct HealthRoom(pub(crate) Arc<Core>);

#[tonic::async_trait]
impl HealthCheck for HealthRoom {
    async fn health_check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let HealthCheckRequest { client, id, .. } = request.into_inner();
        let core = &self.0;
        let is_known = match ClientType::try_from(client) {
            Ok(ClientType::Producer) => core.producers.is_alive(core, id),
            Ok(ClientType::Consumer) => core.consumers.is_alive(core, id),
            Err(_) => {
                let message = format!("there is no client type {client}: 0 is a producer, 1 a consumer");
                return Err(Status::invalid_argument(message));
            }
        };
        let status = if is_known && !core.stopping.is_cancelled() {
            ClientStatus::Ok
        } else {
            ClientStatus::Close
        };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }
}
