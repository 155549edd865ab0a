//! The one thread that writes: what it meets in one call is that call's, and should it panic, everybody is told and it
//! goes on.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{
    io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use danube_wasm_broker::{
    Broker, ErrorKind, SeekTo,
    embedded::{DiskFactory, EmbeddedBroker, EmbeddedOptions, FileDisk},
};
use danube_wasm_model::SubscriptionType::Exclusive;
use redb::StorageBackend;
use support::*;

/// What a test does to a file.
#[derive(Debug, Default)]
struct Control {
    /// Syncs wait while it is shut.
    is_shut: Mutex<bool>,
    opened: Condvar,
    /// A sync waits.
    is_waiting: AtomicBool,
    /// The next write panics.
    panics: AtomicBool,
}

impl Control {
    fn shut(&self) {
        *self.is_shut.lock().unwrap() = true;
    }

    fn open(&self) {
        *self.is_shut.lock().unwrap() = false;
        self.opened.notify_all();
    }

    async fn until_a_sync_waits(&self) {
        within(async {
            while !self.is_waiting.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// A file under control.
#[derive(Debug)]
struct Controlled(Arc<Control>);

#[derive(Debug)]
struct ControlledFile(Arc<Control>, Box<dyn StorageBackend>);

impl DiskFactory for Controlled {
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(ControlledFile(self.0.clone(), FileDisk.open(path)?)))
    }
}

impl StorageBackend for ControlledFile {
    fn len(&self) -> io::Result<u64> {
        self.1.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.1.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.1.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut is_shut = self.0.is_shut.lock().unwrap();
        while *is_shut {
            self.0.is_waiting.store(true, Ordering::SeqCst);
            is_shut = self.0.opened.wait(is_shut).unwrap();
        }
        self.0.is_waiting.store(false, Ordering::SeqCst);
        drop(is_shut);
        self.1.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        assert!(
            !self.0.panics.swap(false, Ordering::SeqCst),
            "a page that makes no sense"
        );
        self.1.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.1.close()
    }
}

fn controlled(directory: &Path) -> (Arc<EmbeddedBroker>, Arc<Control>) {
    let control = Arc::new(Control::default());
    let options = EmbeddedOptions {
        disk: Arc::new(Controlled(control.clone())),
        ..EmbeddedOptions::default()
    };
    (EmbeddedBroker::open(directory, options).unwrap(), control)
}

/// It is being opened again, and takes this once it is open.
async fn until_it_takes(broker: &EmbeddedBroker, text: &str) {
    let publisher = broker.publisher("p").await.unwrap();
    within(async {
        while let Err(error) = try_publish(&*publisher, vec![record("", text)]).await {
            assert_eq!(error.kind, ErrorKind::Storage, "{error}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert!(broker.ready().await.is_ok());
}

#[tokio::test]
async fn a_call_that_meets_damage_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["a", "b", "c"]).await;
    drop(subscribe(&*broker, Exclusive, "c").await);
    broker.close().await.unwrap();
    let messages: redb::TableDefinition<'_, (u64, u64), &[u8]> = redb::TableDefinition::new("messages");
    let database = redb::Database::open(directory.path().join("log.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    assert!(
        transaction
            .open_table(messages)
            .unwrap()
            .remove((1, 1))
            .unwrap()
            .is_some()
    );
    transaction.commit().unwrap();
    drop(database);

    let (broker, control) = controlled(directory.path());
    let publisher = broker.publisher("p").await.unwrap();
    control.shut();
    let first = publisher.publish(vec![vec![record("", "first")]]);
    control.until_a_sync_waits().await;
    // These three wait, and are one transaction.
    let admin = broker.admin().unwrap();
    let before = publisher.publish(vec![vec![record("", "before")]]);
    let topic = topic();
    let mut moved = Box::pin(admin.seek(&topic, "subscription", SeekTo::PublishTimeMs(1)));
    assert!(futures_util::poll!(&mut moved).is_pending());
    let after = publisher.publish(vec![vec![record("", "after")]]);
    control.open();
    let error = within(moved).await.expect_err("it meets the damage");
    assert_eq!(error.kind, ErrorKind::Incompatible, "{error}");
    assert!(error.message.contains("message 1 of partition 1"), "{error}");
    for published in [first, before, after] {
        within(published).await.remove(0).expect("the others do not");
    }
    assert_eq!(broker.admin().unwrap().topics().await.unwrap()[0].messages, Some(6));
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_panic_under_a_transaction_is_told_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (broker, control) = controlled(directory.path());
    create(&*broker, 0).await;
    publish(&*broker, &["before"]).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    for round in 0..3 {
        let publisher = broker.publisher("p").await.unwrap();
        control.panics.store(true, Ordering::SeqCst);
        let error = within(publisher.publish(vec![vec![record("", "perhaps")]]))
            .await
            .remove(0);
        let error = error.expect_err("it panicked");
        assert_eq!(error.kind, ErrorKind::Storage, "{error}");
        assert!(
            error.is_transient() && error.message.contains("may be done or not"),
            "{error}"
        );
        until_it_takes(&broker, &format!("after {round}")).await;
    }
    let messages = receive(&mut *consumer, 4).await;
    let told: Vec<&str> = texts(&messages).into_iter().filter(|text| *text != "perhaps").collect();
    assert_eq!(told[..1], ["before"]);
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_panic_in_a_call_is_told_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let fuse = Arc::new(AtomicU64::new(u64::MAX));
    let burning = fuse.clone();
    let options = EmbeddedOptions {
        clock: Arc::new(move || {
            assert!(burning.load(Ordering::SeqCst) > 0, "no clock");
            1000
        }),
        ..EmbeddedOptions::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), options).unwrap();
    create(&*broker, 0).await;
    publish(&*broker, &["before"]).await;
    let publisher = broker.publisher("p").await.unwrap();
    fuse.store(0, Ordering::SeqCst);
    for _ in 0..3 {
        let refused = within(publisher.publish(vec![vec![record("", "lost")]]))
            .await
            .remove(0);
        assert_eq!(refused.expect_err("it panicked").kind, ErrorKind::Storage);
    }
    fuse.store(1, Ordering::SeqCst);
    until_it_takes(&broker, "after").await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *consumer, 2).await), ["before", "after"]);
    broker.close().await.unwrap();
    let broker = open(directory.path());
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *consumer, 2).await), ["before", "after"]);
    broker.close().await.unwrap();
}
