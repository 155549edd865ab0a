//! The obvious interface, `list<record>`, straight on wasmtime. Uses none of our crates.

#![allow(unsafe_code, reason = "generated bindings")]

use anyhow::Result;
use async_trait::async_trait;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use self::bindings::{PerRecord, exports::bench::records::source};
use crate::{
    Side,
    events::{ENDPOINT, Event, Made},
};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated bindings")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "guests/records/wit",
        world: "per-record",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) struct Records {
    store: Store<State>,
    guest: PerRecord,
    events: Vec<Event>,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Records {
    pub(crate) async fn load(component: &[u8]) -> Result<Self> {
        Self::start(component).await.map_err(of_wasmtime)
    }

    async fn start(component: &[u8]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config())?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&engine, state);
        // Interruptible as ours is, and never interrupted.
        store.set_epoch_deadline(u64::MAX / 2);
        let guest = PerRecord::instantiate_async(&mut store, &component, &linker).await?;
        Ok(Self {
            store,
            guest,
            events: Vec::new(),
        })
    }

    /// The number of records of all calls, and those of the last one.
    async fn poll(&mut self, times: usize) -> wasmtime::Result<(usize, Vec<source::Made>)> {
        let attributes: Vec<[(&str, &str); 2]> = self
            .events
            .iter()
            .map(|event| event.attributes.each_ref().map(|(n, v)| (n.as_str(), v.as_str())))
            .collect();
        let events: Vec<source::Event<'_>> = self
            .events
            .iter()
            .zip(&attributes)
            .map(|(event, attributes)| source::Event {
                endpoint: ENDPOINT,
                payload: &event.payload,
                key: &event.key,
                received: event.received,
                attributes,
            })
            .collect();
        let (mut count, mut made) = (0, Vec::new());
        for _ in 0..times {
            made = self
                .guest
                .bench_records_source()
                .call_poll(&mut self.store, &events)
                .await?;
            count += made.len();
        }
        Ok((count, made))
    }
}

fn of_wasmtime(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// As our sandbox compiles and allocates.
fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(4)
        .total_memories(4)
        .total_tables(16)
        .total_core_instances(16)
        .total_stacks(4);
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .generate_address_map(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

#[async_trait]
impl Side for Records {
    fn name(&self) -> &'static str {
        "list<record>"
    }

    fn prepare(&mut self, events: &[Event]) {
        self.events = events.to_vec();
    }

    async fn call(&mut self, times: usize) -> Result<usize> {
        let (count, _) = self.poll(times).await.map_err(of_wasmtime)?;
        Ok(count)
    }

    async fn made(&mut self) -> Result<Vec<Made>> {
        let (_, records) = self.poll(1).await.map_err(of_wasmtime)?;
        let made = |record: source::Made| Made {
            topic: record.topic,
            payload: record.payload,
            origin: record.origin as usize,
            key: record.key,
            attributes: record.attributes,
        };
        Ok(records.into_iter().map(made).collect())
    }
}
