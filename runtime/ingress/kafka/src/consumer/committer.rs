//! Commits beside the poll.
//!
//! librdkafka reports what became of a commit that is not waited for only to a callback that its wrapper does not set, so a thread of its
//! own waits for each. The next is handed over when the one before has been reported.

use std::{
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    types::RDKafkaErrorCode as Code,
};

use super::{ConsumerError, ErrorKind, Polled, context::GroupContext, librdkafka::offsets};

/// See the module.
pub(super) struct Committer {
    commits: Option<mpsc::Sender<TopicPartitionList>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(super) fn start(consumer: Arc<BaseConsumer<GroupContext>>) -> Result<Self, ConsumerError> {
        let (commits, lists) = mpsc::channel::<TopicPartitionList>();
        let committing = move || {
            for list in lists {
                let outcome = match consumer.commit(&list, CommitMode::Sync) {
                    Ok(()) => Ok(offsets(&list)),
                    Err(error) if error.rdkafka_error_code().is_some_and(is_rebalance) => Ok(Vec::new()),
                    Err(error) => Err(error.to_string()),
                };
                consumer.context().push(Polled::Committed(outcome));
            }
        };
        let thread = thread::Builder::new().name("kafka-commit".to_owned()).spawn(committing);
        let thread = thread.map_err(|error| ConsumerError {
            kind: ErrorKind::Transient,
            message: format!("no thread to commit to Kafka with: {error}"),
        })?;
        Ok(Self {
            commits: Some(commits),
            thread: Some(thread),
        })
    }

    pub(super) fn commit(&self, list: TopicPartitionList) -> Result<(), ConsumerError> {
        let taken = self.commits.as_ref().map(|commits| commits.send(list));
        match taken {
            Some(Ok(())) => Ok(()),
            _ => Err(ConsumerError {
                kind: ErrorKind::Transient,
                message: "the thread that commits has ended".to_owned(),
            }),
        }
    }
}

/// The group shares its partitions anew: what is still ours then is committed again.
fn is_rebalance(code: Code) -> bool {
    matches!(
        code,
        Code::RebalanceInProgress | Code::IllegalGeneration | Code::UnknownMemberId | Code::StaleMemberEpoch
    )
}

impl Drop for Committer {
    /// Waits for the one under way: its client goes after it.
    fn drop(&mut self) {
        self.commits = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}
