//! A broker with Danube's own ways, where `danube-wasm broker` has others: namespaces, permissions, an admin API.

#[path = "../../../broker/danube/tests/support/mod.rs"]
mod danube;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use danube_wasm_proto::admin::{
    broker_admin_server::{BrokerAdmin, BrokerAdminServer},
    topic_admin_server::{TopicAdmin, TopicAdminServer},
    *,
};
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tonic::{Request, Response, Status, transport::Server};

pub use self::danube::{Act, Wire};

/// The broker and its admin API. Its one namespace is `default`.
pub struct Fake {
    pub wire: Wire,
    pub admin: Operated,
    pub admin_url: String,
    _runtime: Runtime,
}

impl Fake {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let admin = Operated::default();
        let (wire, listener) = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            (Wire::start().await, listener)
        });
        let admin_url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Server::builder()
            .add_service(BrokerAdminServer::new(admin.clone()))
            .add_service(TopicAdminServer::new(admin.clone()));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        runtime.spawn(router.serve_with_incoming(incoming));
        Self {
            wire,
            admin,
            admin_url,
            _runtime: runtime,
        }
    }

    pub fn address(&self) -> String {
        self.wire.address.to_string()
    }
}

/// Subscriptions by topic, and what becomes of messages of those for which something was set.
#[derive(Clone, Default)]
pub struct Operated {
    pub topics: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    pub policies: Arc<Mutex<BTreeMap<String, SubscriptionPoisonPolicy>>>,
}

#[tonic::async_trait]
impl BrokerAdmin for Operated {
    async fn list_namespaces(&self, _: Request<Empty>) -> Result<Response<NamespaceListResponse>, Status> {
        let topics = self.topics.lock();
        let namespaces: BTreeSet<_> = topics.keys().filter_map(|name| name.split('/').nth(1)).collect();
        let namespaces = namespaces.into_iter().map(str::to_owned).collect();
        Ok(Response::new(NamespaceListResponse { namespaces }))
    }
}

#[tonic::async_trait]
impl TopicAdmin for Operated {
    async fn list_namespace_topics(
        &self,
        request: Request<NamespaceRequest>,
    ) -> Result<Response<TopicInfoListResponse>, Status> {
        let prefix = format!("/{}/", request.into_inner().name);
        let topics = self.topics.lock();
        let listed = topics.keys().filter(|name| name.starts_with(&prefix));
        let topics = listed.map(|name| TopicInfo {
            name: name.clone(),
            ..TopicInfo::default()
        });
        Ok(Response::new(TopicInfoListResponse {
            topics: topics.collect(),
        }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<TopicRequest>,
    ) -> Result<Response<SubscriptionListResponse>, Status> {
        let found = self.topics.lock().get(&request.into_inner().name).cloned();
        let subscriptions = found.into_iter().flatten().collect();
        Ok(Response::new(SubscriptionListResponse { subscriptions }))
    }

    async fn get_subscription_failure_policy(
        &self,
        request: Request<GetSubscriptionFailurePolicyRequest>,
    ) -> Result<Response<GetSubscriptionFailurePolicyResponse>, Status> {
        let policies = self.policies.lock();
        let set = policies.get(&request.into_inner().subscription);
        Ok(Response::new(GetSubscriptionFailurePolicyResponse {
            failure_policy: set.map(|policy| SubscriptionFailurePolicy {
                max_redelivery_count: 5,
                ack_timeout_ms: 30_000,
                poison_policy: (*policy).into(),
                ..SubscriptionFailurePolicy::default()
            }),
            subscription_type: 1,
        }))
    }

    async fn delete_topic(&self, _: Request<TopicRequest>) -> Result<Response<TopicResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn unsubscribe(&self, _: Request<SubscriptionRequest>) -> Result<Response<SubscriptionResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn describe_topic(
        &self,
        _: Request<DescribeTopicRequest>,
    ) -> Result<Response<DescribeTopicResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}
