//! A poller that is called as the host calls it: with the state that the calls before have left.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_model::{
    door::GuestError,
    poller::{Fetch, Fetched, PollerGuest},
    upstream::Room,
};
use danube_wasm_sandbox::PollerComponent;

use super::{
    api::{Answer, Api, Asked},
    subject::Subject,
};

/// Time for one call; the component's own timeouts are far below.
const CALL_MAX: Duration = Duration::from_secs(20);
/// Room that a call has unless a point says otherwise.
pub(super) const ROOM: usize = 100;

/// A poller with its API and its state.
pub(super) struct Fetching {
    poller: Arc<PollerComponent>,
    api: Arc<Api>,
    pub(super) state: BTreeMap<String, Bytes>,
}

impl Fetching {
    pub(super) async fn start(
        subject: &Subject<'_>,
        config: &str,
        answers: Vec<(&'static str, Answer)>,
    ) -> Result<Self, String> {
        let api = Arc::new(Api::new(answers));
        let poller = subject.start_poller(config, Arc::clone(&api)).await?;
        let state = BTreeMap::new();
        Ok(Self { poller, api, state })
    }

    /// One call, whose changes take effect.
    pub(super) async fn fetch(&mut self) -> Result<Fetched, String> {
        self.try_fetch(ROOM).await.map_err(|error| error.to_string())
    }

    /// One call. If it fails, nothing changes.
    pub(super) async fn try_fetch(&mut self, events: usize) -> Result<Fetched, GuestError> {
        let fetch = Fetch {
            room: Room { events, bytes: 1 << 20 },
            state: Arc::new(self.state.clone()),
        };
        let late = |_| GuestError::Host {
            message: format!("the call did not end within {} s", CALL_MAX.as_secs()),
        };
        let fetched = tokio::time::timeout(CALL_MAX, self.poller.fetch(fetch))
            .await
            .map_err(late)??;
        for (key, value) in fetched.changes.clone() {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        Ok(fetched)
    }

    /// What was asked since the last time.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.api.take()
    }

    /// The paths of that.
    pub(super) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }
}
