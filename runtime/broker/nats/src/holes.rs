//! Finds messages that a stream has lost. Nothing is ever deleted inside a stream of ours, so a hole is damage: a server
//! reads a block with a flipped bit as if its messages had never been there, and says nothing (nats-server issue 7549).
//!
//! While there is one nothing is delivered. The stream's leader is replaced once, because the other copies may be whole;
//! then subscriptions are set back to where the hole was, since they may have passed it. What stays is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_broker::{Backoff, Gap, Result};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    consume::Durables,
    kv::Bucket,
    limits::{RETRY_CEILING, RETRY_FLOOR},
    session::Session,
    topic::{Damage, StreamInfo, StreamState, Topic, Topics},
};

/// How long another leader may take.
const ELECTION: Duration = Duration::from_secs(15);
/// How long a leader may take to have everything that was acknowledged.
const CATCHES_UP: Duration = Duration::from_secs(3);

/// Looks for holes in the streams that this process uses.
pub(crate) struct Holes {
    pub(crate) session: Arc<Session>,
    pub(crate) topics: Arc<Topics>,
    /// Keeps the last sequence that was acknowledged, beyond this process.
    pub(crate) notes: Arc<Bucket>,
    pub(crate) lost_sessions: Arc<watch::Sender<u64>>,
    /// What was lost of a stream, by its name; and what of it an operator has acknowledged.
    pub(crate) found: Mutex<BTreeMap<String, Hole>>,
}

/// Sequences that a stream does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) topic: danube_wasm_model::TopicName,
    first: u64,
    last: u64,
    messages: u64,
    is_acknowledged: bool,
}

impl Holes {
    /// Looks at every topic in use.
    pub(crate) async fn check_all(&self) {
        for topic in self.topics.known() {
            if let Err(error) = self.check(&topic).await {
                tracing::debug!(%error, topic = %topic.name, "the stream could not be checked");
            }
        }
    }

    /// Looks at a topic: tells damage through its health, and takes that back when it is whole.
    pub(crate) async fn check(&self, topic: &Topic) -> Result<()> {
        let noted = self.noted(topic).await?;
        let (info, hole) = self.look(topic, noted).await?;
        let Some(hole) = hole else {
            self.is_whole(topic, &info).await?;
            return Ok(());
        };
        if self.is_known(topic, &hole) {
            return Ok(());
        }
        topic.health.damage.send_replace(Some(Damage {
            message: "messages of the stream are missing; another server is asked for them".into(),
            is_final: false,
        }));
        tracing::error!(topic = %topic.name, stream = topic.stream, first = hole.first, last = hole.last,
            "NATS has lost messages of a stream; its leader is replaced");
        self.with_another_leader(topic, &info).await?;
        let (info, found) = self.look(topic, noted).await?;
        match found {
            None => {
                self.set_back(topic, hole.first).await?;
                tracing::warn!(topic = %topic.name, stream = topic.stream,
                    "another server has the messages, and leads now: {}", cure(&topic.stream));
                self.is_whole(topic, &info).await?;
            }
            Some(hole) => self.tell(topic, hole, &info).await?,
        }
        Ok(())
    }

    /// What the stream says of itself, and whether it has a hole. A leader that has just been elected may not have everything
    /// yet that was acknowledged, so an end that is missing is looked for again for a while.
    async fn look(&self, topic: &Topic, noted: u64) -> Result<(StreamInfo, Option<Hole>)> {
        let deadline = tokio::time::Instant::now() + CATCHES_UP;
        let mut backoff = Backoff::new(RETRY_FLOOR);
        loop {
            // Before the stream is asked: what is acknowledged meanwhile may not be in its answer.
            let acknowledged = topic.health.acknowledged.load(Ordering::Relaxed).max(noted);
            let info = self.topics.info(&topic.name).await?;
            let found = find(&info.state, acknowledged).map(|(first, last, messages)| Hole {
                topic: topic.name.clone(),
                first,
                last,
                messages,
                is_acknowledged: false,
            });
            let is_known = found.as_ref().is_some_and(|hole| self.is_known(topic, hole));
            let lacks_end = info.state.last_seq < acknowledged && !is_known;
            if !lacks_end || tokio::time::Instant::now() >= deadline {
                return Ok((info, found));
            }
            tokio::time::sleep(backoff.next(RETRY_CEILING)).await;
        }
    }

    /// Whether this hole, or a larger one, was told and acknowledged.
    fn is_known(&self, topic: &Topic, hole: &Hole) -> bool {
        let found = self.found.lock();
        let known = found.get(&topic.stream);
        known.is_some_and(|known| (known.first, known.last, known.messages) == (hole.first, hole.last, hole.messages))
    }

    async fn is_whole(&self, topic: &Topic, info: &StreamInfo) -> Result<()> {
        self.found.lock().remove(&topic.stream);
        topic.health.damage.send_if_modified(|damage| damage.take().is_some());
        topic.health.replicas.store(info.config.num_replicas, Ordering::Relaxed);
        let acknowledged = topic
            .health
            .acknowledged
            .load(Ordering::Relaxed)
            .min(info.state.last_seq);
        let key = key(topic);
        let before = self.notes.get(&key).await?;
        let noted = before
            .as_ref()
            .and_then(|entry| std::str::from_utf8(&entry.value).ok()?.parse::<u64>().ok());
        if noted.unwrap_or(0) < acknowledged {
            // Another process may have noted more: that is as good.
            let revision = before.map_or(0, |entry| entry.revision);
            self.notes
                .put(&key, Bytes::from(acknowledged.to_string()), revision)
                .await?;
        }
        Ok(())
    }

    async fn noted(&self, topic: &Topic) -> Result<u64> {
        let entry = self.notes.get(&key(topic)).await?;
        Ok(entry
            .and_then(|entry| std::str::from_utf8(&entry.value).ok()?.parse().ok())
            .unwrap_or(0))
    }

    /// Has another server lead the stream; with one copy there is none.
    async fn with_another_leader(&self, topic: &Topic, info: &StreamInfo) -> Result<()> {
        if info.config.num_replicas < 2 {
            return Ok(());
        }
        let before = info.cluster.as_ref().and_then(|cluster| cluster.leader.clone());
        let call = format!("STREAM.LEADER.STEPDOWN.{}", topic.stream);
        let _: Value = self
            .session
            .api(&call, &json!({}), "replacing a stream's leader")
            .await?;
        let deadline = tokio::time::Instant::now() + ELECTION;
        let mut backoff = Backoff::new(RETRY_FLOOR);
        loop {
            let info = self.topics.info(&topic.name).await?;
            let leader = info.cluster.as_ref().and_then(|cluster| cluster.leader.clone());
            if (leader.is_some() && leader != before) || tokio::time::Instant::now() >= deadline {
                return Ok(());
            }
            tokio::time::sleep(backoff.next(RETRY_CEILING)).await;
        }
    }

    /// Subscriptions may have passed the hole: what was acknowledged behind it comes again.
    async fn set_back(&self, topic: &Topic, first: u64) -> Result<()> {
        let durables = Durables {
            session: &self.session,
            topic,
        };
        for consumer in durables.list().await? {
            if consumer.delivered.stream_seq >= first {
                let next = first.min(consumer.ack_floor.stream_seq + 1);
                durables.reset(&consumer, next).await?;
            }
        }
        Ok(())
    }

    async fn tell(&self, topic: &Topic, hole: Hole, info: &StreamInfo) -> Result<()> {
        let Hole {
            first, last, messages, ..
        } = hole;
        if info.state.last_seq < topic.health.acknowledged.load(Ordering::Relaxed) {
            self.lost_sessions.send_modify(|lost| *lost += 1);
            topic.health.acknowledged.store(info.state.last_seq, Ordering::Relaxed);
        }
        let cure = cure(&topic.stream);
        let what = format!(
            "NATS has lost {messages} messages of {} between the sequences {first} and {last}: nothing is delivered from \
             it; {cure}, or go on without them by `danube-wasm subscriptions acknowledge-gaps`",
            topic.name
        );
        tracing::error!(topic = %topic.name, stream = topic.stream, "{what}");
        self.found.lock().insert(topic.stream.clone(), hole);
        topic.health.damage.send_replace(Some(Damage {
            message: what.into(),
            is_final: true,
        }));
        Ok(())
    }

    /// What was lost and not acknowledged.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let found = self.found.lock();
        let open = found.values().filter(|hole| !hole.is_acknowledged);
        open.map(|hole| hole.gap("")).collect()
    }

    /// An operator goes on without them.
    pub(crate) fn acknowledge(&self, topic: &danube_wasm_model::TopicName, subscription: &str) -> Vec<Gap> {
        let mut found = self.found.lock();
        let of_topic = found
            .values_mut()
            .filter(|hole| hole.topic == *topic && !hole.is_acknowledged);
        let acknowledged: Vec<Gap> = of_topic
            .map(|hole| {
                hole.is_acknowledged = true;
                hole.gap(subscription)
            })
            .collect();
        if let Some(known) = self.topics.peek(topic).filter(|_| !acknowledged.is_empty()) {
            known.health.damage.send_replace(None);
        }
        acknowledged
    }
}

impl Hole {
    fn gap(&self, subscription: &str) -> Gap {
        Gap {
            topic: self.topic.clone(),
            subscription: subscription.to_owned(),
            partition: self.topic.clone(),
            first: self.first,
            last: self.last,
        }
    }
}

fn key(topic: &Topic) -> String {
    format!("acknowledged.{}", topic.stream)
}

fn cure(stream: &str) -> String {
    format!(
        "on the server whose disk is damaged, remove it from the stream (`nats stream cluster peer-remove {stream}`), \
         empty its store and let it join again"
    )
}

/// First and last sequence between which messages are missing, and how many. `acknowledged` is the last that was confirmed.
fn find(state: &StreamState, acknowledged: u64) -> Option<(u64, u64, u64)> {
    let StreamState {
        messages,
        first_seq,
        last_seq,
        ref deleted,
        ..
    } = *state;
    if last_seq < acknowledged {
        return Some((last_seq + 1, acknowledged, acknowledged - last_seq));
    }
    let expected = (last_seq + 1).saturating_sub(first_seq.max(1));
    let missing = expected.saturating_sub(messages);
    if missing == 0 || last_seq == 0 {
        return None;
    }
    let told = deleted.as_deref().unwrap_or_default();
    let first = told.first().copied().unwrap_or(first_seq.max(1));
    let last = told.last().copied().unwrap_or(last_seq);
    Some((first, last, missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(first_seq: u64, last_seq: u64, messages: u64) -> StreamState {
        StreamState {
            messages,
            first_seq,
            last_seq,
            ..StreamState::default()
        }
    }

    #[test]
    fn a_whole_stream_has_no_hole() {
        assert_eq!(find(&state(0, 0, 0), 0), None);
        assert_eq!(find(&state(1, 10, 10), 10), None);
        assert_eq!(find(&state(8, 10, 3), 5), None, "its beginning was purged");
        assert_eq!(find(&state(11, 10, 0), 10), None, "all of it was purged");
    }

    #[test]
    fn missing_messages_and_a_missing_end_are_found() {
        assert_eq!(find(&state(1, 60_000, 38_875), 60_000), Some((1, 60_000, 21_125)));
        assert_eq!(find(&state(1, 5_009, 5_009), 20_000), Some((5_010, 20_000, 14_991)));
        let told = StreamState {
            deleted: Some(vec![3, 4]),
            ..state(1, 10, 8)
        };
        assert_eq!(find(&told, 10), Some((3, 4, 2)));
    }
}
