//! A bare tonic server of the same interface that answers at once. It keeps nothing but the count.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Result;
use danube_wasm_benches::child;
use danube_wasm_proto::api::{
    MessageResponse, ProducerRequest, ProducerResponse, StreamMessage, TopicLookupRequest, TopicLookupResponse,
    TopicPartitionsResponse,
    discovery_server::{Discovery, DiscoveryServer},
    producer_service_server::{ProducerService, ProducerServiceServer},
    topic_lookup_response::LookupType,
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server, transport::server::TcpIncoming};

use crate::PARTITIONS;

/// First argument of this process.
pub(crate) const ROLE: &str = "echo";

#[derive(Clone, Default)]
struct Echo(Arc<AtomicU64>);

/// Serves until the parent says that it is over.
pub(crate) async fn serve() -> Result<()> {
    let echo = Echo::default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    // As danube-wasm's broker has it, so that windows are no difference.
    let server = Server::builder()
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(8 << 20)
        .max_concurrent_streams(1024)
        .add_service(DiscoveryServer::new(echo.clone()))
        .add_service(ProducerServiceServer::new(echo.clone()));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(server.serve_with_incoming(incoming));
    tokio::task::spawn_blocking(child::wait_for_parent).await?;
    println!("done={}", echo.0.load(Relaxed));
    Ok(())
}

#[tonic::async_trait]
impl ProducerService for Echo {
    async fn create_producer(&self, request: Request<ProducerRequest>) -> Result<Response<ProducerResponse>, Status> {
        let request = request.into_inner();
        Ok(Response::new(ProducerResponse {
            request_id: request.request_id,
            producer_id: 1,
            producer_name: request.producer_name,
        }))
    }

    async fn send_message(&self, request: Request<StreamMessage>) -> Result<Response<MessageResponse>, Status> {
        self.0.fetch_add(1, Relaxed);
        let request_id = request.get_ref().request_id;
        Ok(Response::new(MessageResponse { request_id }))
    }
}

#[tonic::async_trait]
impl Discovery for Echo {
    async fn topic_lookup(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicLookupResponse>, Status> {
        Ok(Response::new(TopicLookupResponse {
            request_id: request.get_ref().request_id,
            response_type: LookupType::Connect.into(),
            ..TopicLookupResponse::default()
        }))
    }

    async fn topic_partitions(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicPartitionsResponse>, Status> {
        let TopicLookupRequest { request_id, topic } = request.into_inner();
        let partitions = (0..PARTITIONS).map(|n| format!("{topic}-part-{n}")).collect();
        Ok(Response::new(TopicPartitionsResponse { request_id, partitions }))
    }
}
