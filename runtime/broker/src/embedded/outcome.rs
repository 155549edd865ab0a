//! The results of the writer's calls.

use std::sync::Arc;

use danube_wasm_model::TopicName;

use super::{cursor::Cursor, topic::Topic};
use crate::{BrokerError, RegisteredSchema, SeekReport};

/// The result of a call, if the transaction commits.
pub(super) enum Outcome {
    Done,
    /// Groups that were refused because their topic was deleted.
    Published(Vec<usize>),
    Refused(BrokerError),
    Topic(Result<Option<Topic>, BrokerError>),
    Subscription(Result<NewSubscription, BrokerError>),
    Schema(Result<RegisteredSchema, BrokerError>),
    Altered(Result<TopicChange, BrokerError>),
    Sought(Result<SeekReport, BrokerError>),
}

/// How an alteration changes the topics in memory.
pub(super) enum TopicChange {
    None,
    NewTopic(Option<Topic>),
    Grown(TopicName, usize),
    TopicDeleted(Arc<Topic>),
    SubscriptionDeleted(Arc<Topic>, u64),
}

/// A stored subscription.
pub(super) struct NewSubscription {
    pub(super) id: u64,
    /// Its start, if memory does not have it yet.
    pub(super) cursors: Vec<Cursor>,
}
