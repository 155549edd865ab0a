//! Questions that are asked before a pipeline runs: is everything there, and as it should be?

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
    /// Reaches every seed the way a session would: name, port, scheme, certificate, token. One result for each, whose
    /// error says what is in the way and what to do.
    pub async fn check(&self) -> Vec<(String, Result<()>)> {
        let mut found = Vec::new();
        for seed in &self.shared.seeds.addresses {
            found.push((seed.to_string(), self.shared.reach(seed).await));
        }
        found
    }

    /// Whether a topic can be published to as `spec` says. Creates it if it is not there, as publishing would.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an unknown namespace or schema subject, [`ErrorKind::Conflict`] for other
    /// partitions, another dispatch mode or schema subject, [`ErrorKind::Denied`] for a missing permission.
    pub async fn check_publish(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        self.create_topic(topic, spec).await
    }

    /// Whether a topic is there and may be consumed. Subscribes to nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] for a missing permission, [`ErrorKind::NotFound`] for a topic that is not there yet.
    pub async fn check_consume(&self, topic: &TopicName) -> Result<()> {
        let shared = &self.shared;
        shared.open()?;
        let layout = shared.layout(topic).await.map_err(Fault::into_error)?;
        let Some(partition) = layout.names(topic).into_iter().next() else {
            return Err(consume::missing(topic));
        };
        let route = shared.route(&partition).await.map_err(Fault::into_error)?;
        let route = route.ok_or_else(|| consume::missing(topic))?;
        // No consumer has the number 0. Brokers look at permissions first.
        let request = ReceiveRequest {
            request_id: shared.wire.number(),
            consumer_id: 0,
        };
        let call =
            |channel, request| async move { ConsumerServiceClient::new(channel).receive_messages(request).await };
        let doing = format!("reading {partition}");
        let within = shared.options.request_timeout;
        match shared.wire.stream(&route, within, &doing, request, call).await {
            Ok(_) | Err(Fault::Missing(_)) => Ok(()),
            Err(fault) => Err(fault.into_error()),
        }
    }

    /// What becomes of messages of a subscription that nobody acknowledges: what was set, or the broker's default as it
    /// was when the subscription was made. `None` where the broker tells none, as for topics without reliable dispatch.
    /// Of a topic with partitions it is that of the first with this subscription.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a topic or subscription that is not there, [`ErrorKind::Denied`] for a missing
    /// permission, [`ErrorKind::Conflict`] without [`DanubeOptions::admin_url`](crate::DanubeOptions::admin_url).
    pub async fn failure_policy(&self, topic: &TopicName, subscription: &str) -> Result<Option<FailurePolicy>> {
        let admin = self.admin_api("the failure policy")?;
        admin.failure_policy(topic, subscription).await
    }

    /// Names of the namespaces that are there, each once, those without topics too: `default`, without slashes. A topic
    /// in any other cannot be made, and only an operator makes a namespace.
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
