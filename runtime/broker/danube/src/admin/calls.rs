//! The admin API's calls, one function each.

use std::{collections::BTreeSet, sync::Arc};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use danube_wasm_model::{SubscriptionType, TopicName};
use danube_wasm_proto::{
    admin::{
        Empty, GetSubscriptionFailurePolicyRequest, GetSubscriptionFailurePolicyResponse, NamespaceRequest,
        SubscriptionRequest, TopicRequest, broker_admin_client::BrokerAdminClient,
        topic_admin_client::TopicAdminClient,
    },
    api::consumer_request::SubscriptionType as WireType,
};
use tonic::{Request, Response, Status};

use super::{DanubeAdmin, FailurePolicy};
use crate::{fault::Fault, limits::DECODE_BYTES_MAX, wire::Channel};

impl DanubeAdmin {
    /// Without duplicates. Danube (0.15) lists a namespace once for each of its topics; and a broker that cannot read
    /// its metadata lists none, although a cluster has at least `default` and `system`.
    pub(crate) async fn namespaces(&self) -> Result<BTreeSet<String>> {
        let call = |channel, request| async move {
            let mut client = BrokerAdminClient::new(channel).max_decoding_message_size(DECODE_BYTES_MAX);
            client.list_namespaces(request).await
        };
        let action = "listing the namespaces";
        let listed = self.call(action, Empty {}, call).await?.namespaces;
        match listed.is_empty() {
            false => Ok(listed.into_iter().collect()),
            true => {
                let at = &self.endpoint.address;
                let message = format!(
                    "{action} at {at}: the broker lists none, not even `default`: it cannot read what it knows. Ask \
                     again, and see its log"
                );
                Err(Fault::lost(message).into_error())
            }
        }
    }

    /// Names of a namespace's topics, as the broker has them.
    pub(super) async fn listed(&self, namespace: &str) -> Result<Vec<String>> {
        let request = NamespaceRequest {
            name: namespace.to_owned(),
        };
        let call = |channel, request| async move { topics(channel).list_namespace_topics(request).await };
        let action = format!("listing the topics of namespace {namespace}");
        let listed = self.call(&action, request, call).await?.topics;
        Ok(listed.into_iter().map(|topic| topic.name).collect())
    }

    pub(super) async fn delete(&self, name: &TopicName) -> Result<()> {
        let request = TopicRequest { name: name.to_string() };
        let call = |channel, request| async move { topics(channel).delete_topic(request).await };
        let action = format!("deleting topic {name}");
        check_success(self.call(&action, request, call).await?.success, &action)
    }

    pub(super) async fn subscriptions_of(&self, name: &TopicName) -> Result<Vec<String>> {
        let request = TopicRequest { name: name.to_string() };
        let call = |channel, request| async move { topics(channel).list_subscriptions(request).await };
        let action = format!("listing the subscriptions of {name}");
        Ok(self.call(&action, request, call).await?.subscriptions)
    }

    pub(super) async fn unsubscribe(&self, name: &TopicName, subscription: &str) -> Result<()> {
        let request = SubscriptionRequest {
            topic: name.to_string(),
            subscription: subscription.to_owned(),
        };
        let call = |channel, request| async move { topics(channel).unsubscribe(request).await };
        let action = format!("deleting subscription `{subscription}` of {name}");
        match self.call(&action, request, call).await {
            Ok(answer) => check_success(answer.success, &action),
            // Danube returns `NotFound` for this, too.
            Err(error) if error.message.contains("active consumers") => {
                let message = format!("{}. Stop its consumers first", error.message);
                Err(BrokerError::new(ErrorKind::Conflict, message))
            }
            Err(error) => Err(error),
        }
    }

    /// The failure policy that was set for a subscription, and its type.
    pub(super) async fn policy(
        &self,
        name: &TopicName,
        subscription: &str,
    ) -> Result<(Option<FailurePolicy>, Option<SubscriptionType>)> {
        let request = GetSubscriptionFailurePolicyRequest {
            topic: name.to_string(),
            subscription: subscription.to_owned(),
        };
        let call = |channel, request| async move { topics(channel).get_subscription_failure_policy(request).await };
        let action = format!("reading the failure policy of subscription `{subscription}` of {name}");
        let GetSubscriptionFailurePolicyResponse {
            failure_policy,
            subscription_type,
        } = self.call(&action, request, call).await?;
        let policy = failure_policy.as_ref().map(FailurePolicy::of);
        Ok((policy, type_of(subscription_type)))
    }

    async fn call<Q, A, F>(&self, action: &str, message: Q, call: impl Fn(Channel, Request<Q>) -> F) -> Result<A>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let shared = Arc::clone(&self.shared);
        shared.open()?;
        let within = shared.options.request_timeout;
        let answer = shared.wire.call(&self.endpoint, within, action, message, call).await;
        answer.map_err(|fault| {
            let error = fault.into_error();
            match error.kind {
                ErrorKind::Incompatible => BrokerError::new(
                    ErrorKind::Incompatible,
                    format!(
                        "{action}: what answers at {} does not speak Danube's admin API; its port is 50051 by default",
                        self.endpoint.address
                    ),
                ),
                _ => error,
            }
        })
    }
}

fn topics(channel: Channel) -> TopicAdminClient<Channel> {
    TopicAdminClient::new(channel).max_decoding_message_size(DECODE_BYTES_MAX)
}

fn check_success(success: bool, action: &str) -> Result<()> {
    match success {
        true => Ok(()),
        false => Err(Fault::lost(format!("{action}: the broker did not do it and does not say why")).into_error()),
    }
}

fn type_of(wire: i32) -> Option<SubscriptionType> {
    Some(match WireType::try_from(wire).ok()? {
        WireType::Exclusive => SubscriptionType::Exclusive,
        WireType::Shared => SubscriptionType::Shared,
        WireType::Failover => SubscriptionType::Failover,
        WireType::KeyShared => SubscriptionType::KeyShared,
    })
}
