//! The admin API, against a broker that knows partitions only as topics, as Danube's do.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::{Admin, Broker, ErrorKind, SeekTo};
use danube_wasm_broker_danube::{Danube, DanubeOptions, FailurePolicy, Poison};
use danube_wasm_model::SubscriptionType;
use danube_wasm_proto::admin::{
    broker_admin_server::{BrokerAdmin, BrokerAdminServer},
    topic_admin_server::{TopicAdmin, TopicAdminServer},
    *,
};
use parking_lot::Mutex;
use support::{Wire, soon, topic};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};

/// Subscriptions by topic, as the broker has them.
type Topics = BTreeMap<String, BTreeSet<String>>;

#[derive(Clone, Default)]
struct Operated(Arc<Mutex<Topics>>);

#[tonic::async_trait]
impl BrokerAdmin for Operated {
    async fn list_namespaces(&self, _: Request<Empty>) -> Result<Response<NamespaceListResponse>, Status> {
        let namespaces = vec!["default".into(), "empty".into()];
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
        let topics = self.0.lock();
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
        let mut topics = self.0.lock();
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
        let found = self.0.lock().get(&request.into_inner().name).cloned();
        let subscriptions = found.into_iter().flatten().collect();
        Ok(Response::new(SubscriptionListResponse { subscriptions }))
    }

    async fn unsubscribe(
        &self,
        request: Request<SubscriptionRequest>,
    ) -> Result<Response<SubscriptionResponse>, Status> {
        let SubscriptionRequest { topic, subscription } = request.into_inner();
        let mut topics = self.0.lock();
        match topics.get_mut(&topic).is_some_and(|all| all.remove(&subscription)) {
            true => Ok(Response::new(SubscriptionResponse { success: true })),
            false => Err(Status::not_found("Unable to unsubscribe")),
        }
    }

    async fn get_subscription_failure_policy(
        &self,
        request: Request<GetSubscriptionFailurePolicyRequest>,
    ) -> Result<Response<GetSubscriptionFailurePolicyResponse>, Status> {
        let dropping = SubscriptionFailurePolicy {
            max_redelivery_count: 3,
            ack_timeout_ms: 12_000,
            poison_policy: SubscriptionPoisonPolicy::Drop.into(),
            ..SubscriptionFailurePolicy::default()
        };
        let set = request.into_inner().subscription == "dropping";
        Ok(Response::new(GetSubscriptionFailurePolicyResponse {
            failure_policy: set.then_some(dropping),
            subscription_type: if set { 3 } else { 1 },
        }))
    }

    async fn describe_topic(
        &self,
        _: Request<DescribeTopicRequest>,
    ) -> Result<Response<DescribeTopicResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}

/// A broker with two topics, and a client that knows where its admin API is.
async fn operated() -> (Operated, Arc<Danube>) {
    let broker = Operated::default();
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    broker.0.lock().extend([
        ("/default/orders-part-0".into(), of(&["dropping", "kept"])),
        // Subscribed while the second partition was away.
        ("/default/orders-part-1".into(), of(&["kept"])),
        ("/default/plain".into(), of(&[])),
    ]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Server::builder()
        .add_service(BrokerAdminServer::new(broker.clone()))
        .add_service(TopicAdminServer::new(broker.clone()));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(router.serve_with_incoming(incoming));
    let mut options = DanubeOptions::new(["http://127.0.0.1:1"]);
    options.admin_url = Some(url);
    (broker, Danube::open(options).unwrap())
}

fn admin(client: &Danube) -> Arc<dyn Admin> {
    client.admin().expect("its URL is known")
}

#[tokio::test]
async fn topics_and_subscriptions_are_told_without_their_partitions() {
    let (_broker, client) = operated().await;
    let topics = soon(admin(&client).topics()).await.unwrap();
    let told: Vec<_> = topics
        .iter()
        .map(|info| (info.topic.as_str(), info.partitions, info.subscriptions.join(" ")))
        .collect();
    let expected = [
        ("/default/orders", 2, "dropping kept".to_owned()),
        ("/default/plain", 0, String::new()),
    ];
    assert_eq!(told, expected);
    assert!(
        topics
            .iter()
            .all(|info| info.messages.is_none() && info.bytes.is_none())
    );
    let subscriptions = soon(admin(&client).subscriptions()).await.unwrap();
    let told: Vec<_> = subscriptions
        .iter()
        .map(|info| {
            (
                info.topic.as_str(),
                info.subscription.as_str(),
                info.subscription_type,
                info.lag,
            )
        })
        .collect();
    let expected = [
        ("/default/orders", "dropping", Some(SubscriptionType::KeyShared), None),
        ("/default/orders", "kept", Some(SubscriptionType::Shared), None),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_deleted_is_deleted_on_every_partition() {
    let (broker, client) = operated().await;
    let (orders, admin) = (topic("/default/orders"), admin(&client));
    soon(admin.delete_subscription(&orders, "kept")).await.unwrap();
    soon(admin.delete_subscription(&orders, "dropping")).await.unwrap();
    assert!(broker.0.lock().values().all(BTreeSet::is_empty));
    let error = soon(admin.delete_subscription(&orders, "kept")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    soon(admin.delete_topic(&orders)).await.unwrap();
    assert_eq!(broker.0.lock().keys().collect::<Vec<_>>(), ["/default/plain"]);
    let error = soon(admin.delete_topic(&orders)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_topic_whose_deletion_would_take_another_along_is_left_alone() {
    let (broker, client) = operated().await;
    broker
        .0
        .lock()
        .insert("/default/orders2-part-0".into(), BTreeSet::new());
    let before = broker.0.lock().clone();
    let error = soon(admin(&client).delete_topic(&topic("/default/orders")))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error.message.contains("would delete /default/orders2-part-0 too"),
        "{error}"
    );
    assert_eq!(*broker.0.lock(), before);
    soon(admin(&client).delete_topic(&topic("/default/orders2")))
        .await
        .unwrap();
    soon(admin(&client).delete_topic(&topic("/default/orders")))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failure_policy_is_told_where_one_was_set() {
    let (_broker, client) = operated().await;
    let orders = topic("/default/orders");
    let set = FailurePolicy {
        poison: Poison::Drop,
        max_redelivery_count: 3,
        ack_timeout: Duration::from_secs(12),
    };
    assert_eq!(
        soon(client.failure_policy(&orders, "dropping")).await.unwrap(),
        Some(set)
    );
    assert_eq!(soon(client.failure_policy(&orders, "kept")).await.unwrap(), None);
    let error = soon(client.failure_policy(&orders, "nobody")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn what_danube_cannot_do_is_said() {
    let (_broker, client) = operated().await;
    let (orders, admin) = (topic("/default/orders"), admin(&client));
    let error = soon(admin.seek(&orders, "kept", SeekTo::Earliest)).await.unwrap_err();
    assert!(
        error.message.contains("Danube's brokers have no call for that"),
        "{error}"
    );
}

#[tokio::test]
async fn without_its_url_there_is_none_and_a_wrong_one_says_which_port_is_meant() {
    let wire = Wire::start().await;
    assert!(wire.client().admin().is_none());
    let error = soon(wire.client().failure_policy(&topic("/default/t"), "s"))
        .await
        .unwrap_err();
    assert!(error.message.contains("set `admin_url`"), "{error}");
    let mut options = wire.options();
    options.admin_url = Some(wire.url());
    let client = Danube::open(options.clone()).unwrap();
    let error = soon(admin(&client).topics()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert!(error.message.contains("its port is 50051 by default"), "{error}");
    options.admin_url = Some("localhost".into());
    let error = Danube::open(options).err().expect("refused");
    assert!(error.message.contains("write `http://host:50051`"), "{error}");
}
