//! The broker: everything of it meets here.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Admin, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Gap, Lag, Publisher, Registry, Result, TopicSpec,
};
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tokio::sync::{OnceCell, watch};

use crate::{
    admin::NatsAdmin,
    check::{self, Promises},
    consume::{ConsumerInfo, Subscriber},
    copying::View,
    error::denied,
    holes::Holes,
    kv::Bucket,
    limits::CHECKED_EVERY,
    options::NatsOptions,
    publish::NatsPublisher,
    registry::NatsRegistry,
    retain,
    session::{Session, raised},
    topic::Topics,
};

/// How long the first check may hold up what is done first.
const FIRST_CHECK_WITHIN: Duration = Duration::from_secs(5);

/// NATS JetStream behind [`Broker`].
pub struct Nats {
    pub(crate) session: Arc<Session>,
    pub(crate) topics: Arc<Topics>,
    leases: Arc<Bucket>,
    pub(crate) schemas: Arc<Bucket>,
    lost_sessions: Arc<watch::Sender<u64>>,
    pub(crate) holes: Arc<Holes>,
    /// What topics held when they were listed to be copied.
    pub(crate) views: Mutex<HashMap<TopicName, Arc<View>>>,
    /// Whether every server is known to sync always.
    synced: Arc<AtomicBool>,
    checked: OnceCell<()>,
    /// Itself, for what goes on beside it and ends with it.
    this: Weak<Self>,
    /// Why nothing can work, as the first check has found.
    refusal: Mutex<Option<BrokerError>>,
}

impl Nats {
    /// A client; servers may come later. Options that cannot be meant are refused.
    pub fn open(options: NatsOptions) -> Result<Arc<Self>> {
        refuse(&options)?;
        let session = Arc::new(Session::new(options));
        let synced = Arc::new(AtomicBool::new(false));
        let topics = Arc::new(Topics::new(session.clone(), synced.clone()));
        let lost_sessions = Arc::new(watch::channel(0).0);
        let leases = Arc::new(Bucket::new(session.clone(), "leases"));
        let holes = Arc::new(Holes {
            session: session.clone(),
            topics: topics.clone(),
            notes: leases.clone(),
            lost_sessions: lost_sessions.clone(),
            found: Mutex::default(),
        });
        let nats = Arc::new_cyclic(|this| Self {
            holes,
            leases,
            schemas: Arc::new(Bucket::new(session.clone(), "schemas")),
            topics,
            lost_sessions,
            session,
            synced,
            checked: OnceCell::new(),
            this: this.clone(),
            refusal: Mutex::default(),
            views: Mutex::default(),
        });
        Ok(nats)
    }

    fn open_session(&self) -> Result<&Arc<Session>> {
        match *self.session.closing().borrow() {
            false => Ok(&self.session),
            true => Err(BrokerError::new(ErrorKind::Closed, "this client of NATS is closed")),
        }
    }

    /// Checks what can be promised, and remembers it: see [`Promises`]. An error is what no record can pass, or that
    /// servers are away.
    pub async fn check_promises(&self) -> Result<Promises> {
        let found = check::check(self.open_session()?).await;
        let refusal = found.as_ref().err().filter(|error| check::is_final(error)).cloned();
        *self.refusal.lock() = refusal;
        if let Ok(promises) = &found {
            self.synced.store(promises.synced, Ordering::Relaxed);
            for topic in self.topics.known() {
                let durable = promises.synced && topic.health.replicas.load(Ordering::Relaxed) >= 3;
                topic.health.durable.store(durable, Ordering::Relaxed);
            }
        }
        found
    }

    /// For `check --connect`: connects once, so that what is wrong is said at once, and checks what can be promised.
    pub async fn probe(&self) -> Result<Promises> {
        self.open_session()?.try_connection().await?;
        self.check_promises().await
    }

    /// For `check --connect`: whether the topic can be used as it is. [`ErrorKind::NotFound`] if it is not there, and
    /// could be made.
    pub async fn probe_topic(&self, topic: &TopicName) -> Result<()> {
        match self.topics.get(topic).await {
            Ok(known) => self.holes.check(&known).await,
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.topics.refuse_overlap(topic).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The first check, before anything else is done. Servers that are away do not hold it up for long.
    async fn ensure_checked(&self) -> Result<()> {
        let first = self.checked.get_or_init(|| async {
            tokio::spawn(check_regularly(self.this.clone()));
            let check = tokio::time::timeout(FIRST_CHECK_WITHIN, self.check_promises());
            if let Ok(Ok(promises)) = check.await {
                for warning in promises.warnings {
                    tracing::warn!("NATS: {warning}");
                }
            }
        });
        first.await;
        self.open_session()?;
        if self.refusal.lock().is_none() {
            return Ok(());
        }
        // It may be mended, or a server may have said it that was starting.
        let _ = tokio::time::timeout(FIRST_CHECK_WITHIN, self.check_promises()).await;
        self.refusal.lock().clone().map_or(Ok(()), Err)
    }

    pub(crate) fn administration(&self) -> NatsAdmin {
        NatsAdmin {
            session: self.session.clone(),
            topics: self.topics.clone(),
        }
    }
}

/// Every minute: what is promised, holes, and what is not needed any more.
async fn check_regularly(this: Weak<Nats>) {
    let mut warned: BTreeSet<String> = BTreeSet::new();
    loop {
        tokio::time::sleep(CHECKED_EVERY).await;
        let Some(nats) = this.upgrade() else { return };
        let mut closing = nats.session.closing();
        let check = async {
            if let Ok(promises) = nats.check_promises().await {
                let warnings: BTreeSet<String> = promises.warnings.into_iter().collect();
                for warning in warnings.difference(&warned) {
                    tracing::warn!("NATS: {warning}");
                }
                warned = warnings;
            }
            nats.holes.check_all().await;
            retain::purge_all(&nats.session, &nats.topics).await;
        };
        tokio::select! {
            () = check => {}
            () = raised(&mut closing) => return,
        }
    }
}

/// Options that cannot be meant.
fn refuse(options: &NatsOptions) -> Result<()> {
    if options.servers.is_empty() {
        return Err(denied(
            "no NATS server is named: give at least one URL, `nats://HOST:4222`",
        ));
    }
    if options.replicas < 3 && !options.accept_loss {
        return Err(denied(format!(
            "`replicas` is {}: what is confirmed is gone with the disk of one machine; run three servers and set \
             `replicas = 3`, or accept that with `accept_loss = true`",
            options.replicas
        )));
    }
    if !matches!(options.replicas, 1 | 2 | 3 | 5) {
        return Err(denied(format!(
            "`replicas` is {}: NATS keeps 1, 3 or 5 copies",
            options.replicas
        )));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if options.prefix.is_empty() || !options.prefix.chars().all(is_plain) {
        let message = format!("`prefix` is `{}`: write letters, digits, `_` and `-`", options.prefix);
        return Err(denied(message));
    }
    Ok(())
}

#[async_trait]
impl Broker for Nats {
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        self.ensure_checked().await?;
        self.topics.create(topic, &spec).await
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        self.ensure_checked().await?;
        let session = self.session.clone();
        Ok(Arc::new(NatsPublisher::start(producer, session, self.topics.clone())))
    }

    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        self.ensure_checked().await?;
        let subscriber = Subscriber {
            session: self.session.clone(),
            topics: self.topics.clone(),
            leases: self.leases.clone(),
        };
        let topic = self.topics.get(&options.topic).await?;
        let mut retry = self.session.retry_timer();
        while let Err(error) = self.holes.check(&topic).await {
            retry.wait_after(error).await?;
        }
        Ok(Box::new(subscriber.subscribe(options).await?))
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(NatsRegistry(self.schemas.clone()))
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        let admin = self.administration();
        let mut lags = Vec::new();
        // Of the topics that this process uses: each question locks a stream.
        for topic in self.topics.known() {
            for (subscription, consumers) in admin.by_subscription(&topic).await? {
                lags.push(Lag {
                    topic: topic.name.clone(),
                    subscription,
                    messages: consumers.iter().map(ConsumerInfo::lag).sum(),
                });
            }
        }
        Ok(lags)
    }

    async fn ready(&self) -> Result<()> {
        self.open_session()?.server_info().await.map(drop)
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        self.lost_sessions.subscribe()
    }

    fn is_durable(&self, topic: &TopicName) -> Option<bool> {
        let known = self.topics.peek(topic)?;
        Some(known.health.durable.load(Ordering::Relaxed))
    }

    fn gaps(&self) -> Vec<Gap> {
        self.holes.gaps()
    }

    fn acknowledge_gaps(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        self.holes.acknowledge(topic, subscription)
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(self.administration()))
    }

    async fn close(&self) -> Result<()> {
        self.session.close().await;
        Ok(())
    }
}
