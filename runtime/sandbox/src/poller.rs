//! Components that ask for their events themselves.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    columns::{Origins, Rejection},
    door::GuestError,
    event::Interests,
    poller::{Fetch, Fetched, Page, PollerGuest},
};
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    admission::Role,
    bindings::{
        danube::connector::types as wit,
        exports::danube::connector::{
            poller::{self, Guest as Poller, GuestIndices as PollerIndices},
            source::{Guest as Source, GuestIndices as SourceIndices},
        },
    },
    guest::{ExportResult, Guest, check_count},
    lane::Lanes,
    limits::GuestLimits,
    recording::Recording,
    state::GuestState,
};

/// A loaded component that fetches. It has one instance, beside those that turn its events into records.
pub struct PollerComponent {
    pub(crate) lanes: Lanes<PollingSource>,
}

impl PollerComponent {
    /// What the last fetch was given besides its input, with what came of its requests.
    pub fn recall(&self) -> Option<Recording> {
        self.lanes.recall(0)
    }
}

#[async_trait]
impl PollerGuest for PollerComponent {
    fn id(&self) -> &ConnectorId {
        &self.lanes.template().id
    }

    async fn fetch(&self, fetch: Fetch) -> Result<Fetched, GuestError> {
        self.lanes.call(0, Arc::new(fetch)).await
    }
}

/// Both exports of a source that fetches: the first initializes it.
pub(crate) struct PollingSource {
    source: Source,
    poller: Poller,
}

impl Guest for PollingSource {
    const ROLE: Role = Role::Source;
    const FETCHES: bool = true;
    const CONFIGS: &'static str = "producer-configs";
    type Indices = (SourceIndices, PollerIndices);
    type Input = Fetch;
    type Output = Fetched;
    type Config = wit::ProducerConfig;

    fn indices(pre: &InstancePre<GuestState>) -> wasmtime::Result<Self::Indices> {
        Ok((SourceIndices::new(pre)?, PollerIndices::new(pre)?))
    }

    fn load(store: &mut Store<GuestState>, indices: &Self::Indices, instance: &Instance) -> wasmtime::Result<Self> {
        Ok(Self {
            source: indices.0.load(&mut *store, instance)?,
            poller: indices.1.load(store, instance)?,
        })
    }

    async fn initialize(
        &self,
        store: &mut Store<GuestState>,
        configuration: wit::Configuration<'_>,
    ) -> ExportResult<wit::Interests> {
        self.source.call_initialize(store, configuration).await
    }

    async fn configs(&self, store: &mut Store<GuestState>) -> ExportResult<Vec<wit::ProducerConfig>> {
        self.source.call_producer_configs(store).await
    }

    async fn call(&self, store: &mut Store<GuestState>, fetch: &Fetch, _: Interests) -> ExportResult<Fetched> {
        let most = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let room = poller::Room {
            events: most(fetch.room.events.max(1)),
            bytes: most(fetch.room.bytes),
        };
        store.data_mut().capabilities.state.begin(Arc::clone(&fetch.state));
        let answer = self.poller.call_fetch(&mut *store, room).await;
        let changes = store.data_mut().capabilities.state.end();
        Ok(answer?.map(|page| Fetched {
            page: page.into(),
            changes,
        }))
    }

    /// A fetch has the time of a call without inputs.
    fn len(_: &Fetch) -> usize {
        0
    }

    fn rejections(_: &mut Fetched) -> &mut [Rejection] {
        &mut []
    }

    fn origins(_: &Fetched) -> &Origins {
        static NONE: Origins = Origins {
            ends: Vec::new(),
            index: Vec::new(),
        };
        &NONE
    }

    fn check(fetched: &Fetched, _: &Fetch, limits: &GuestLimits) -> Result<(), GuestError> {
        check_count(fetched.page.len(), limits)?;
        Ok(fetched.page.check()?)
    }
}

impl From<poller::Page> for Page {
    fn from(from: poller::Page) -> Self {
        Self {
            payloads: from.payloads.into(),
            ids: from.ids.into(),
            keys: from.keys.into(),
            attributes: from.attributes.into(),
            again_after: from.again_after_ms.map(|ms| Duration::from_millis(ms.into())),
        }
    }
}
