//! Durable consumers in the server: they hold the position of a subscription. A KeyShared one has one for each bucket of
//! keys, any other has one.

use std::collections::BTreeMap;

use danube_wasm_broker::{ErrorKind, Result, StartAt};
use danube_wasm_model::SubscriptionType;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::{CONSUMER_EXISTS, conflict, not_found, unavailable},
    limits::{ACK_PENDING_MAX, BUCKETS, MISSED_MAX, RETRY_CEILING},
    names,
    session::Session,
    topic::Topic,
};

const META_SUBSCRIPTION: &str = "danube-wasm.subscription";
const META_TYPE: &str = "danube-wasm.type";
const META_BUCKET: &str = "danube-wasm.bucket";
const META_EPOCH: &str = "danube-wasm.epoch";

/// A consumer as `CONSUMER.INFO` tells it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ConsumerInfo {
    pub(crate) name: String,
    pub(crate) config: ConsumerConfig,
    #[serde(default)]
    pub(crate) delivered: Sequences,
    #[serde(default)]
    pub(crate) ack_floor: Sequences,
    #[serde(default)]
    pub(crate) num_ack_pending: u64,
    #[serde(default)]
    pub(crate) num_pending: u64,
    /// Pulls that are open: somebody consumes.
    #[serde(default)]
    pub(crate) num_waiting: u64,
}

/// Its settings, as far as they matter; the others are given back as they came.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ConsumerConfig {
    #[serde(default)]
    pub(crate) opt_start_seq: Option<u64>,
    #[serde(default)]
    pub(crate) filter_subject: Option<String>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
}

/// A place in a consumer's deliveries.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sequences {
    pub(crate) consumer_seq: u64,
    pub(crate) stream_seq: u64,
}

impl ConsumerInfo {
    /// The subscription that it belongs to.
    pub(crate) fn subscription(&self) -> Option<&str> {
        self.config.metadata.get(META_SUBSCRIPTION).map(String::as_str)
    }

    /// Its type.
    pub(crate) fn kind(&self) -> Option<SubscriptionType> {
        kind_of(self.config.metadata.get(META_TYPE)?)
    }

    /// The bucket of keys that it has, if its subscription has a consumer for each.
    pub(crate) fn bucket(&self) -> Option<u32> {
        self.config.metadata.get(META_BUCKET)?.parse().ok()
    }

    /// It grows when the position is moved.
    pub(crate) fn epoch(&self) -> u64 {
        self.config
            .metadata
            .get(META_EPOCH)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    }

    /// Whether some messages of the stream are not for it.
    pub(crate) fn is_filtered(&self) -> bool {
        self.config.filter_subject.is_some()
    }

    /// Messages that are not acknowledged.
    pub(crate) fn lag(&self) -> u64 {
        self.num_pending + self.num_ack_pending
    }

    /// Everything up to this sequence is acknowledged, or is no message of this consumer.
    pub(crate) fn floor(&self, last_of_stream: u64) -> u64 {
        match self.lag() {
            0 => last_of_stream,
            _ => self.ack_floor.stream_seq,
        }
    }
}

fn name_of(kind: SubscriptionType) -> &'static str {
    match kind {
        SubscriptionType::Exclusive => "Exclusive",
        SubscriptionType::Shared => "Shared",
        SubscriptionType::Failover => "Failover",
        SubscriptionType::KeyShared => "KeyShared",
    }
}

fn kind_of(name: &str) -> Option<SubscriptionType> {
    use SubscriptionType::{Exclusive, Failover, KeyShared, Shared};
    [Exclusive, Shared, Failover, KeyShared]
        .into_iter()
        .find(|kind| name_of(*kind) == name)
}

/// The buckets whose consumers a subscription of this type has.
pub(crate) fn buckets(kind: SubscriptionType) -> Vec<Option<u32>> {
    match kind {
        SubscriptionType::KeyShared => (0..BUCKETS).map(Some).collect(),
        _ => vec![None],
    }
}

/// The API of the consumers of one topic.
pub(crate) struct Durables<'s> {
    pub(crate) session: &'s Session,
    pub(crate) topic: &'s Topic,
}

impl Durables<'_> {
    /// The consumers of a subscription, made where they are not there.
    pub(crate) async fn declare(
        &self,
        subscription: &str,
        kind: SubscriptionType,
        start: StartAt,
        last_of_stream: u64,
    ) -> Result<Vec<ConsumerInfo>> {
        let mut there = self.of_subscription(subscription).await?;
        let mut begins = match start {
            StartAt::Earliest => 1,
            StartAt::Latest => last_of_stream + 1,
        };
        if let Some((known, began)) = there.first().map(|first| (first.kind(), first.config.opt_start_seq)) {
            if known != Some(kind) {
                self.change_type(&mut there, known, kind).await?;
            }
            // One that was not made when its siblings were begins where they did.
            begins = began.unwrap_or(1);
        }
        let mut found = Vec::new();
        for bucket in buckets(kind) {
            let name = names::consumer(subscription, bucket);
            match there.iter().find(|info| info.name == name) {
                Some(info) => found.push(info.clone()),
                None => found.push(self.create(subscription, kind, bucket, begins).await?),
            }
        }
        Ok(found)
    }

    pub(crate) async fn create(
        &self,
        subscription: &str,
        kind: SubscriptionType,
        bucket: Option<u32>,
        begins: u64,
    ) -> Result<ConsumerInfo> {
        let (options, topic) = (&self.session.options, self.topic);
        let name = names::consumer(subscription, bucket);
        let mut config = json!({
            "name": name, "durable_name": name,
            "deliver_policy": "by_start_sequence", "opt_start_seq": begins,
            "ack_policy": "explicit", "ack_wait": nanos(options.ack_wait), "max_deliver": -1,
            "max_ack_pending": ACK_PENDING_MAX, "max_waiting": 512, "replay_policy": "instant", "num_replicas": 0,
            "metadata": {META_SUBSCRIPTION: subscription, META_TYPE: name_of(kind)},
        });
        let mut call = format!("CONSUMER.CREATE.{}.{name}", topic.stream);
        if let Some(bucket) = bucket {
            let filter = names::bucket_subjects(&options.prefix, &topic.name, bucket);
            config["filter_subject"] = json!(filter);
            config["metadata"][META_BUCKET] = json!(bucket.to_string());
            call = format!("{call}.{filter}");
        }
        let body = json!({"stream_name": topic.stream, "config": config, "action": "create"});
        let doing = format!("creating the subscription {subscription} of {}", topic.name);
        let mut retry = self.session.retry_timer();
        loop {
            let error = match self.session.api_answer(&call, &body, &doing).await? {
                Ok(made) => return Ok(made),
                // Another process was faster, or an earlier try of this one, whose consumer may have no leader yet.
                Err(error) if CONSUMER_EXISTS.contains(&error.err_code) => match self.info(&name).await {
                    Err(missing) if missing.kind == ErrorKind::NotFound => unavailable(missing.message),
                    other => return other,
                },
                Err(error) => return Err(error.explain(&doing)),
            };
            retry.wait_after(error).await?;
        }
    }

    /// One consumer may be used by any type but KeyShared, whose positions are by bucket.
    async fn change_type(
        &self,
        there: &mut [ConsumerInfo],
        known: Option<SubscriptionType>,
        kind: SubscriptionType,
    ) -> Result<()> {
        let by_bucket = |kind| kind == SubscriptionType::KeyShared;
        let (Some(known), Some(info)) = (known, there.first_mut()) else {
            return Err(conflict(format!(
                "the stream {} has a consumer of that name that another program made: delete it, or use another \
                 subscription",
                self.topic.stream
            )));
        };
        let subscription = info.subscription().unwrap_or_default().to_owned();
        if by_bucket(known) || by_bucket(kind) {
            return Err(conflict(format!(
                "the subscription {subscription} of {} is {}, not {}: on NATS its position is kept differently; use \
                 another subscription, or delete this one with its position",
                self.topic.name,
                name_of(known),
                name_of(kind)
            )));
        }
        *info = self
            .update(&info.name.clone(), |config| {
                config["metadata"][META_TYPE] = json!(name_of(kind))
            })
            .await?;
        Ok(())
    }

    /// Changes settings of a consumer.
    async fn update(&self, name: &str, change: impl FnOnce(&mut Value)) -> Result<ConsumerInfo> {
        let stream = &self.topic.stream;
        let doing = format!("changing the consumer {name} of {}", self.topic.name);
        let mut info: Value = self
            .session
            .api(&format!("CONSUMER.INFO.{stream}.{name}"), &json!({}), &doing)
            .await?;
        let mut config = info["config"].take();
        change(&mut config);
        let call = match config["filter_subject"].as_str() {
            Some(filter) => format!("CONSUMER.CREATE.{stream}.{name}.{filter}"),
            None => format!("CONSUMER.CREATE.{stream}.{name}"),
        };
        let body = json!({"stream_name": stream, "config": config, "action": "update"});
        self.session.api(&call, &body, &doing).await
    }

    /// What a consumer says of itself.
    pub(crate) async fn info(&self, name: &str) -> Result<ConsumerInfo> {
        let call = format!("CONSUMER.INFO.{}.{name}", self.topic.stream);
        self.session
            .api(
                &call,
                &json!({}),
                &format!("asking for the consumer {name} of {}", self.topic.name),
            )
            .await
    }

    /// Whether it is gone, which a server that has just taken over may say too early.
    pub(crate) async fn is_gone(&self, name: &str) -> bool {
        for _ in 0..MISSED_MAX {
            match self.info(name).await {
                Err(error) if error.kind == ErrorKind::NotFound => {}
                _ => return false,
            }
            tokio::time::sleep(RETRY_CEILING).await;
        }
        true
    }

    /// Every consumer of the topic that belongs to a subscription.
    pub(crate) async fn list(&self) -> Result<Vec<ConsumerInfo>> {
        #[derive(Deserialize)]
        struct Page {
            total: usize,
            #[serde(default)]
            consumers: Option<Vec<ConsumerInfo>>,
        }
        let (mut found, mut offset) = (Vec::new(), 0);
        loop {
            let call = format!("CONSUMER.LIST.{}", self.topic.stream);
            let doing = format!("listing subscriptions of {}", self.topic.name);
            let page: Page = self.session.api(&call, &json!({"offset": offset}), &doing).await?;
            let consumers = page.consumers.unwrap_or_default();
            offset += consumers.len();
            let is_last = consumers.is_empty() || offset >= page.total;
            found.extend(consumers.into_iter().filter(|info| info.subscription().is_some()));
            if is_last {
                found.sort_by(|one: &ConsumerInfo, other| one.name.cmp(&other.name));
                return Ok(found);
            }
        }
    }

    /// The consumers of a subscription that are there.
    pub(crate) async fn of_subscription(&self, subscription: &str) -> Result<Vec<ConsumerInfo>> {
        let mut all = self.list().await?;
        all.retain(|info| info.subscription() == Some(subscription));
        Ok(all)
    }

    /// The same; an error if there are none.
    pub(crate) async fn existing(&self, subscription: &str) -> Result<Vec<ConsumerInfo>> {
        let found = self.of_subscription(subscription).await?;
        match found.is_empty() {
            false => Ok(found),
            true => Err(not_found(format!(
                "the topic {} has no subscription {subscription}",
                self.topic.name
            ))),
        }
    }

    /// Moves a position: this sequence is the next one. The epoch is moved first, so that whoever waits for an
    /// acknowledgement that the server has forgotten finds out.
    pub(crate) async fn reset(&self, info: &ConsumerInfo, sequence: u64) -> Result<()> {
        let name = &info.name;
        let epoch = info.epoch() + 1;
        self.update(name, |config| config["metadata"][META_EPOCH] = json!(epoch.to_string()))
            .await?;
        let call = format!("CONSUMER.RESET.{}.{name}", self.topic.stream);
        let doing = format!("moving the position of {name} of {}", self.topic.name);
        let _: Value = self.session.api(&call, &json!({"seq": sequence}), &doing).await?;
        Ok(())
    }

    /// Everything that is not acknowledged, and what is acknowledged behind it, is delivered anew, in the order of the
    /// stream. This moves no position, so the epoch stays.
    pub(crate) async fn set_back_to_floor(&self, name: &str) -> Result<ConsumerInfo> {
        let call = format!("CONSUMER.RESET.{}.{name}", self.topic.stream);
        let doing = format!("having {name} of {} delivered again", self.topic.name);
        self.session.api(&call, &json!({}), &doing).await
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<()> {
        let call = format!("CONSUMER.DELETE.{}.{name}", self.topic.stream);
        let _: Value = self
            .session
            .api(&call, &json!({}), &format!("deleting the consumer {name}"))
            .await?;
        Ok(())
    }

    /// Has another server lead a consumer that delivers nothing.
    pub(crate) async fn step_down(&self, name: &str) -> Result<()> {
        let call = format!("CONSUMER.LEADER.STEPDOWN.{}.{name}", self.topic.stream);
        let _: Value = self
            .session
            .api(&call, &json!({}), "replacing a consumer's leader")
            .await?;
        Ok(())
    }
}

pub(crate) fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
