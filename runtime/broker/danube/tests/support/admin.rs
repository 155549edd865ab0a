//! Danube's admin API, answering with what a test sets. It lists every partition as a topic, as Danube's does.

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
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};

/// The values of every policy that a test sets; they differ from Danube's defaults.
const MAX_REDELIVERY_COUNT: u32 = 3;
const ACK_TIMEOUT_MS: u64 = 12_000;

/// Subscriptions by topic, what becomes of messages of those for which something was set, and namespaces without topics.
#[derive(Clone, Default)]
pub struct Operated {
    pub topics: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    pub policies: Arc<Mutex<BTreeMap<String, SubscriptionPoisonPolicy>>>,
    pub namespaces: Arc<Mutex<Vec<String>>>,
}

impl Operated {
    /// On a free port, for as long as the runtime lasts that this is called in; and its URL.
    pub async fn start() -> (Self, String) {
        let operated = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Server::builder()
            .add_service(BrokerAdminServer::new(operated.clone()))
            .add_service(TopicAdminServer::new(operated.clone()));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(router.serve_with_incoming(incoming));
        (operated, url)
    }
}

#[tonic::async_trait]
impl BrokerAdmin for Operated {
    async fn list_namespaces(&self, _: Request<Empty>) -> Result<Response<NamespaceListResponse>, Status> {
        let topics = self.topics.lock();
        // A namespace comes anew for each of its topics, as from a real one.
        let of_topics = topics.keys().filter_map(|name| name.split('/').nth(1));
        let mut namespaces: Vec<String> = of_topics.chain(["default"]).map(str::to_owned).collect();
        namespaces.extend(self.namespaces.lock().clone());
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

    async fn delete_topic(&self, request: Request<TopicRequest>) -> Result<Response<TopicResponse>, Status> {
        let name = request.into_inner().name;
        if name.contains("-part-") {
            return Err(Status::not_found("Cannot delete individual partition"));
        }
        let mut topics = self.topics.lock();
        let before = topics.len();
        topics.retain(|known, _| *known != name && !(known.starts_with(&name) && known.contains("-part-")));
        match topics.len() < before {
            true => Ok(Response::new(TopicResponse { success: true })),
            false => Err(Status::not_found("Unable to delete the topic")),
        }
    }

    async fn list_subscriptions(
        &self,
        request: Request<TopicRequest>,
    ) -> Result<Response<SubscriptionListResponse>, Status> {
        let found = self.topics.lock().get(&request.into_inner().name).cloned();
        let subscriptions = found.into_iter().flatten().collect();
        Ok(Response::new(SubscriptionListResponse { subscriptions }))
    }

    async fn unsubscribe(
        &self,
        request: Request<SubscriptionRequest>,
    ) -> Result<Response<SubscriptionResponse>, Status> {
        let SubscriptionRequest { topic, subscription } = request.into_inner();
        let mut topics = self.topics.lock();
        match topics.get_mut(&topic).is_some_and(|all| all.remove(&subscription)) {
            true => Ok(Response::new(SubscriptionResponse { success: true })),
            false => Err(Status::not_found("Unable to unsubscribe")),
        }
    }

    /// One with a policy is told as KeyShared, so that both it and another type are.
    async fn get_subscription_failure_policy(
        &self,
        request: Request<GetSubscriptionFailurePolicyRequest>,
    ) -> Result<Response<GetSubscriptionFailurePolicyResponse>, Status> {
        let policies = self.policies.lock();
        let set = policies.get(&request.into_inner().subscription);
        Ok(Response::new(GetSubscriptionFailurePolicyResponse {
            failure_policy: set.map(|policy| SubscriptionFailurePolicy {
                max_redelivery_count: MAX_REDELIVERY_COUNT,
                ack_timeout_ms: ACK_TIMEOUT_MS,
                poison_policy: (*policy).into(),
                ..SubscriptionFailurePolicy::default()
            }),
            subscription_type: if set.is_some() { 3 } else { 1 },
        }))
    }

    async fn describe_topic(
        &self,
        _: Request<DescribeTopicRequest>,
    ) -> Result<Response<DescribeTopicResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}
