//! Our sandbox, called as the pipeline calls it.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    columns::PayloadAt,
    door::SourceGuest,
    event::{EventBatch, Interests},
};
use danube_wasm_sandbox::{Compiler, LoadSpec, Sandbox, SandboxOptions, SourceComponent, TracingHost};

use crate::{
    Side,
    events::{ENDPOINT, Event, Made, TOPIC},
};

/// Role of the process that compiles components.
pub(crate) const COMPILE: &str = "compile";

/// A sandbox as the product makes it, with its cache below `directory`.
pub(crate) fn sandbox(directory: &Path) -> Result<Arc<Sandbox>> {
    let compiler = Compiler::Child {
        program: std::env::current_exe()?,
        args: vec![COMPILE.to_owned()],
    };
    Ok(Sandbox::try_new(SandboxOptions::new(
        directory.join("components"),
        compiler,
    ))?)
}

pub(crate) struct Columns {
    name: &'static str,
    guest: Arc<SourceComponent>,
    batch: Arc<EventBatch>,
}

impl Columns {
    pub(crate) async fn load(name: &'static str, sandbox: &Arc<Sandbox>, component: Arc<[u8]>) -> Result<Self> {
        let spec = LoadSpec {
            topics: vec![TOPIC.parse()?],
            ..LoadSpec::new(ConnectorId::try_new("bench", "boundary")?, name, component)
        };
        let guest = sandbox.load_source(spec, Arc::new(TracingHost)).await?;
        let wanted = Interests {
            keys: true,
            times: true,
            attributes: true,
            ..Interests::default()
        };
        anyhow::ensure!(
            guest.interests() == wanted,
            "`{name}` asks for other columns: {:?}",
            guest.interests()
        );
        Ok(Self {
            name,
            guest,
            batch: Arc::default(),
        })
    }
}

#[async_trait]
impl Side for Columns {
    fn name(&self) -> &'static str {
        self.name
    }

    fn prepare(&mut self, events: &[Event]) {
        let mut batch = EventBatch::default();
        for event in events {
            batch.endpoints.push(ENDPOINT);
            batch.payloads.push(&event.payload);
            batch.keys.push(&event.key);
            batch.received_ms.push(event.received);
            batch
                .attributes
                .push(event.attributes.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        }
        self.batch = Arc::new(batch);
    }

    async fn call(&mut self, times: usize) -> Result<usize> {
        let mut made = 0;
        for _ in 0..times {
            made += self.guest.poll(0, Arc::clone(&self.batch)).await?.len();
        }
        Ok(made)
    }

    async fn made(&mut self) -> Result<Vec<Made>> {
        let records = self.guest.poll(0, Arc::clone(&self.batch)).await?;
        let places = records.payloads.places().enumerate();
        let made = |(i, place)| {
            let PayloadAt::New(at) = place else {
                anyhow::bail!("payload {i} did not cross")
            };
            Ok(Made {
                topic: records.topics.get(i).to_owned(),
                payload: records.payloads.bytes.get(at).to_vec(),
                origin: records.origins.of(i).next().context("no origin")?,
                key: records.keys.get(i).to_vec(),
                attributes: records
                    .attributes
                    .get(i)
                    .map(|(n, v)| (n.to_owned(), v.to_owned()))
                    .collect(),
            })
        };
        places.map(made).collect()
    }
}
