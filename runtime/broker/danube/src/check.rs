//! Checks before a pipeline runs: does everything exist, with the right settings?

use std::collections::BTreeSet;

use danube_wasm_broker::{Broker as _, BrokerError, ErrorKind, Result, TopicSpec};
use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{ReceiveRequest, consumer_service_client::ConsumerServiceClient};

use crate::{
    admin::{DanubeAdmin, FailurePolicy},
    consume,
    danube::Danube,
    fault::Fault,
};

impl Danube {
    /// Connects to every seed as a session would: name, port, scheme, certificate, token. One result for each; an error
    /// says what is wrong and what to do.
    pub async fn check(&self) -> Vec<(String, Result<()>)> {
        let mut found = Vec::new();
        for seed in &self.shared.seeds.addresses {
            found.push((seed.to_string(), self.shared.reach(seed).await));
        }
        found
    }

    /// Checks that a topic can be published to with `spec`. Creates it if it does not exist, as publishing would.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an unknown namespace or schema subject, [`ErrorKind::Conflict`] for other
    /// partitions, another dispatch mode or schema subject, [`ErrorKind::Denied`] for a missing permission.
    pub async fn check_publish(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        self.create_topic(topic, spec).await
    }

    /// Checks that a topic exists and may be consumed. Does not subscribe.
    ///
    /// [`ErrorKind::Denied`] for a missing permission, [`ErrorKind::NotFound`] for a topic that does not exist yet.
    pub async fn check_consume(&self, topic: &TopicName) -> Result<()> {
        let shared = &self.shared;
        shared.open()?;
        let layout = shared.layout(topic).await.map_err(Fault::into_error)?;
        let Some(partition) = layout.names(topic).into_iter().next() else {
            return Err(consume::missing(topic));
        };
        let endpoint = shared.locate(&partition).await.map_err(Fault::into_error)?;
        let endpoint = endpoint.ok_or_else(|| consume::missing(topic))?;
        // No consumer has the number 0. Brokers look at permissions first.
        let request = ReceiveRequest {
            request_id: shared.wire.number(),
            consumer_id: 0,
        };
        let call =
            |channel, request| async move { ConsumerServiceClient::new(channel).receive_messages(request).await };
        let action = format!("reading {partition}");
        let within = shared.options.request_timeout;
        match shared.wire.stream(&endpoint, within, &action, request, call).await {
            Ok(_) | Err(Fault::Missing(_)) => Ok(()),
            Err(fault) => Err(fault.into_error()),
        }
    }

    /// What the broker does with unacknowledged messages of a subscription: the configured policy, or the broker's
    /// default at the time when the subscription was created. `None` where the broker does not report it, as for topics
    /// without reliable dispatch. For a topic with partitions it is that of the first partition with this subscription.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a topic or subscription that is not there, [`ErrorKind::Denied`] for a missing
    /// permission, [`ErrorKind::Conflict`] without [`DanubeOptions::admin_url`](crate::DanubeOptions::admin_url).
    pub async fn failure_policy(&self, topic: &TopicName, subscription: &str) -> Result<Option<FailurePolicy>> {
        let admin = self.admin_api("the failure policy")?;
        admin.failure_policy(topic, subscription).await
    }

    /// Names of all namespaces, without duplicates and including empty ones: `default`, without slashes. A topic in any
    /// other cannot be created, and only an operator can create a namespace.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without the permission `ManageNamespace` on the whole cluster, [`ErrorKind::Unavailable`]
    /// for an admin port out of reach and for a broker that cannot read what it knows, [`ErrorKind::Incompatible`] for a
    /// port on which something else answers, [`ErrorKind::Conflict`] without
    /// [`DanubeOptions::admin_url`](crate::DanubeOptions::admin_url).
    pub async fn namespaces(&self) -> Result<BTreeSet<String>> {
        self.admin_api("which namespaces there are")?.namespaces().await
    }

    fn admin_api(&self, tells: &str) -> Result<DanubeAdmin> {
        DanubeAdmin::of(&self.shared).ok_or_else(|| {
            let message = format!("only Danube's admin API tells {tells}, and its URL is not known: set `admin_url`");
            BrokerError::new(ErrorKind::Conflict, message)
        })
    }
}
