//! Makes connections with the broker, one after the other, in one session.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{
    ConnectorId,
    event::Interests,
    upstream::{Connect, Notebook, StreamId, Upstream, UpstreamError},
};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::{
    config::{Mqtt, ProtocolChoice},
    counters::Counters,
    handshake::{Accepted, Who, connect_to},
    limits::ANSWER_MAX,
    link::{Link, SocketTask},
    notes::{Notes, SessionNote},
    packets::{Subscription, Version},
    refusal::{ConnectError, granted_for_less, subscription_refused},
    routes::Routes,
    session::{End, Granted, Ledger, Session, SessionOptions},
    upstream::MqttUpstream,
};

/// What a source's connections have in common.
pub(crate) struct Shared {
    pub(crate) connector: ConnectorId,
    pub(crate) config: Mqtt,
    pub(crate) routes: Routes,
    pub(crate) wants: Interests,
    pub(crate) notes: Notes,
    pub(crate) stream: StreamId,
    pub(crate) counters: Counters,
}

/// See the module.
pub(crate) struct Client {
    shared: Arc<Shared>,
    dialer: Dialer,
    state: tokio::sync::Mutex<Option<State>>,
    epoch: AtomicU64,
}

/// What is known of the broker's session.
struct State {
    note: SessionNote,
    ledger: Arc<Mutex<Ledger>>,
    /// 3.1.1 once the broker has refused 5.
    version: Version,
    has_read: bool,
}

impl Client {
    pub(crate) fn new(
        connector: ConnectorId,
        config: Mqtt,
        wants: Interests,
        dialer: Dialer,
        notebook: Arc<dyn Notebook>,
        counters: Counters,
    ) -> Self {
        let shared = Shared {
            connector,
            routes: Routes::new(&config.routes),
            wants,
            notes: Notes::new(notebook),
            stream: StreamId::new(config.client_id.as_str()),
            counters,
            config,
        };
        Self {
            shared: Arc::new(shared),
            dialer,
            state: tokio::sync::Mutex::new(None),
            epoch: AtomicU64::new(0),
        }
    }

    async fn begin(&self) -> Result<State, UpstreamError> {
        let config = &self.shared.config;
        let client = format!("{}@{}", config.client_id, config.url.address());
        let note = self.shared.notes.begin(client).await?;
        Ok(State {
            ledger: Arc::new(Mutex::new(Ledger::new(note.session, note.run))),
            note,
            version: if config.protocol == ProtocolChoice::V3 {
                Version::V3
            } else {
                Version::V5
            },
            has_read: false,
        })
    }

    /// In version 5, and in 3.1.1 if the broker refuses that and we may.
    async fn accepted(&self, state: &mut State) -> Result<Accepted, ConnectError> {
        let config = &self.shared.config;
        let who = Who::source(config);
        match connect_to(config, &self.dialer, &who, state.version).await {
            Err(error)
                if error.is_version && state.version == Version::V5 && config.protocol == ProtocolChoice::Auto =>
            {
                tracing::info!(connector = %self.shared.connector, broker = %config.url, "the broker does not speak version 5 of MQTT: going on with 3.1.1, without user properties, expiry and flow control");
                state.version = Version::V3;
                connect_to(config, &self.dialer, &who, Version::V3).await
            }
            accepted => accepted,
        }
    }

    /// Whether the broker has kept the session; if not, packet ids begin anew, and nothing is subscribed to.
    fn resumed(&self, state: &mut State, accepted: &Accepted) -> bool {
        let (config, connector) = (&self.shared.config, &self.shared.connector);
        let is_present = accepted.answer.session_present;
        if !is_present {
            if state.note.has_been && !config.clean_start {
                self.shared.counters.session_lost();
                tracing::warn!(%connector, client_id = config.client_id, broker = %config.url, "the broker has no session of this client any more: what it had kept for it is lost. It expired (`session_expiry_secs`, or the broker's own limit), or the broker lost it; subscribing again");
            }
            state.note.session += 1;
            state.note.subscribed = Some(BTreeSet::new());
        }
        if let Some(secs) = accepted.answer.session_expiry_secs
            && u64::from(secs) < config.session_expiry.as_secs()
        {
            tracing::warn!(%connector, session_expiry_secs = secs, "the broker keeps the session for less time than asked");
        }
        state.ledger.lock().connected(state.note.session);
        is_present
    }

    fn start(&self, accepted: Accepted, ledger: Arc<Mutex<Ledger>>) -> (Arc<Link>, SocketTask) {
        let config = &self.shared.config;
        let options = SessionOptions {
            version: accepted.version,
            receive_maximum: config.receive_maximum.into(),
            keep_alive_secs: accepted.answer.keep_alive_secs.unwrap_or(config.keep_alive_secs),
        };
        let session = Session::new(options, accepted.framer, ledger, Instant::now());
        Link::start(session, accepted.socket)
    }

    /// Makes the subscriptions that are missing, and ends those that are too many.
    async fn subscribe(
        &self,
        link: &Link,
        note: &mut SessionNote,
        wanted: Vec<Subscription>,
    ) -> Result<(), ConnectError> {
        let keys: BTreeSet<_> = wanted.iter().map(Subscription::key).collect();
        let known = note.subscribed.clone();
        let missing = wanted
            .iter()
            .filter(|one| known.as_ref().is_none_or(|known| !known.contains(&one.key())));
        let missing: Vec<_> = missing.cloned().collect();
        let filters: BTreeSet<_> = wanted.iter().map(|one| one.filter.as_str()).collect();
        let kept = known.iter().flatten().filter_map(|key| key.splitn(3, ' ').nth(2));
        let surplus: Vec<_> = kept
            .filter(|filter| !filters.contains(filter))
            .map(str::to_owned)
            .collect();
        if missing.is_empty() && surplus.is_empty() {
            return Ok(());
        }
        // Until it is answered, nobody knows how far it has come.
        note.subscribed = None;
        link.change(|session| {
            session.unsubscribe(&surplus);
            session.subscribe(missing);
        });
        let granted = answers(link).await?;
        self.check(&granted)?;
        note.subscribed = Some(keys);
        note.has_been = true;
        Ok(())
    }

    fn check(&self, granted: &[Granted]) -> Result<(), ConnectError> {
        for one in granted {
            if let Err(refused) = one.outcome {
                return Err(subscription_refused(&one.filter, refused));
            }
            if let Some(less) = granted_for_less(one) {
                tracing::warn!(connector = %self.shared.connector, "{less}");
            }
        }
        Ok(())
    }
}

/// What the broker said to the subscriptions that were asked for.
pub(crate) async fn answers(link: &Link) -> Result<Vec<Granted>, ConnectError> {
    let answered = link.until(|session| match session.end() {
        Some(end) => Some(Err(ended_early(end))),
        None => session.subscribed().map(|granted| Ok(granted.to_vec())),
    });
    timeout(ANSWER_MAX, answered).await.unwrap_or_else(|_| {
        Err(ConnectError::transient(format!(
            "the broker has not answered the subscriptions within {ANSWER_MAX:?}"
        )))
    })
}

fn ended_early(end: &End) -> ConnectError {
    let message = format!("the connection ended before the subscriptions were made: {end}");
    match end {
        End::Unacceptable(_) => ConnectError::permanent(message),
        _ => ConnectError::transient(message),
    }
}

#[async_trait]
impl Connect for Client {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        let mut state = self.state.lock().await;
        let state = match &mut *state {
            Some(state) => state,
            none => none.insert(self.begin().await?),
        };
        // Whoever crashes from here on does not take a session that the broker makes now for one with subscriptions.
        let unknown = SessionNote {
            subscribed: None,
            ..state.note.clone()
        };
        self.shared.notes.save(&unknown).await?;
        let has_read = state.has_read;
        let accepted = self
            .accepted(state)
            .await
            .map_err(|error| error.into_upstream(has_read))?;
        let (version, with_ids) = (accepted.version, accepted.answer.subscription_ids);
        let is_present = self.resumed(state, &accepted);
        let (link, task) = self.start(accepted, state.ledger.clone());
        let wanted = self
            .shared
            .routes
            .subscriptions(version == Version::V5 && with_ids, !is_present);
        let subscribed = self.subscribe(&link, &mut state.note, wanted).await;
        subscribed.map_err(|error| error.into_upstream(has_read))?;
        self.shared.notes.save(&state.note).await?;
        state.has_read = true;
        self.shared.counters.connected(version, is_present);
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed) + 1;
        let shared = self.shared.clone();
        tracing::info!(connector = %shared.connector, broker = %shared.config.url, client_id = shared.config.client_id, %version, session_present = is_present, "subscribed");
        Ok(Box::new(MqttUpstream::new(
            shared,
            link,
            task,
            state.ledger.clone(),
            epoch,
        )))
    }
}
