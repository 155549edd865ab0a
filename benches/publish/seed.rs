//! A seed of this process: it answers lookups as the broker does, but says that the broker is somewhere else, at the end
//! of a delay line. So every client, and every broker whatever it advertises, is measured over the same path.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use danube_wasm_proto::api::{
    TopicLookupRequest, TopicLookupResponse, TopicPartitionsResponse,
    discovery_client::DiscoveryClient,
    discovery_server::{Discovery, DiscoveryServer},
    topic_lookup_response::LookupType,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Server},
};

use crate::bare;

struct Seed {
    broker: DiscoveryClient<Channel>,
    reached_at: SocketAddr,
}

/// Serves, as long as this runtime lives, and says where.
pub(crate) async fn start(broker: SocketAddr, reached_at: SocketAddr) -> Result<SocketAddr> {
    let broker = DiscoveryClient::new(bare::channel(&format!("http://{broker}")).await?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let service = DiscoveryServer::new(Seed { broker, reached_at });
    let serving = Server::builder().add_service(service);
    tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
    Ok(address)
}

#[tonic::async_trait]
impl Discovery for Seed {
    async fn topic_lookup(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicLookupResponse>, Status> {
        let mut found = self.broker.clone().topic_lookup(request.into_inner()).await?;
        let answer = found.get_mut();
        if answer.response_type() != LookupType::Failed {
            answer.connect_url = format!("http://{}", self.reached_at);
            answer.proxy = false;
        }
        Ok(found)
    }

    async fn topic_partitions(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicPartitionsResponse>, Status> {
        self.broker.clone().topic_partitions(request.into_inner()).await
    }
}
