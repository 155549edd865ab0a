//! What librdkafka calls back about, kept until the poll that it came with has returned.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol},
    error::KafkaError,
    types::RDKafkaRespErr,
};

use super::{Partition, Polled, Reach};

/// See the module.
pub(super) struct GroupContext {
    /// Whose it is, for the log.
    connector: String,
    reads_committed: bool,
    events: Mutex<VecDeque<Polled>>,
    said: Mutex<Option<String>>,
    is_closing: AtomicBool,
}

impl GroupContext {
    pub(super) fn new(connector: String, reads_committed: bool) -> Self {
        Self {
            connector,
            reads_committed,
            events: Mutex::default(),
            said: Mutex::default(),
            is_closing: AtomicBool::new(false),
        }
    }

    /// The next that was called back about.
    pub(super) fn next(&self) -> Option<Polled> {
        self.events.lock().pop_front()
    }

    /// What librdkafka said of the last error.
    pub(super) fn said(&self) -> Option<String> {
        self.said.lock().take()
    }

    /// Nobody polls any more: what is revoked is let go at once.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    /// To be polled next.
    pub(super) fn push(&self, event: Polled) {
        self.events.lock().push_back(event);
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let connector = &self.connector;
        match level {
            // What is an error for us comes as one, too.
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::warn!(%connector, facility, "librdkafka: {message}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
                tracing::info!(%connector, facility, "librdkafka: {message}");
            }
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(%connector, facility, "librdkafka: {message}");
            }
        }
    }

    fn error(&self, _: KafkaError, reason: &str) {
        *self.said.lock() = Some(reason.to_owned());
    }

    fn stats(&self, statistics: Statistics) {
        let is_connected = statistics.brokers.values().any(|broker| broker.state == "UP");
        let mut ends = Vec::new();
        for (topic, topics) in statistics.topics {
            let topic: Arc<str> = topic.into();
            for (number, partition) in topics.partitions {
                let end = if self.reads_committed {
                    partition.ls_offset
                } else {
                    partition.hi_offset
                };
                if number >= 0 && end >= 0 {
                    let topic = topic.clone();
                    let is_all = partition.next_offset == partition.eof_offset;
                    ends.push(Reach {
                        partition: Partition { topic, number },
                        end,
                        fetched: is_all.then_some(partition.next_offset),
                    });
                }
            }
        }
        self.push(Polled::Measured { ends, is_connected });
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let is_assignment = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.is_closing.load(Ordering::Acquire) {
            let answered = match (is_assignment, consumer.rebalance_protocol()) {
                (true, RebalanceProtocol::Cooperative) => consumer.incremental_assign(list),
                (true, _) => consumer.assign(list),
                (false, RebalanceProtocol::Cooperative) => consumer.incremental_unassign(list),
                (false, _) => consumer.unassign(),
            };
            if let Err(error) = answered {
                tracing::debug!(connector = %self.connector, %error, "a rebalance at the end");
            }
            return;
        }
        let partitions = partitions(list);
        self.push(match is_assignment {
            true => Polled::Assigned(partitions),
            false if consumer.assignment_lost() => Polled::Lost(partitions),
            false => Polled::Revoked(partitions),
        });
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    let each = list.elements().into_iter();
    each.map(|one| Partition {
        topic: one.topic().into(),
        number: one.partition(),
    })
    .collect()
}
