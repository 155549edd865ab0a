//! The suite that the components of every SDK pass. Its subjects are three connectors that each SDK ships, the source `order-lines`,
//! the poller `order-feed` and the sink `device-state`: `docs/testing.md` says exactly what they do. The suite sees components
//! only, whatever language they are written in.

mod api;
mod fetching;
mod points;
mod poller;
mod sink;
mod source;
mod subject;
mod table;

use std::{sync::Arc, time::Duration};

use danube_wasm_sandbox::{Role, Sandbox};
use serde::Serialize;

use crate::{bench::Bench, component::Component, input::Input, read::CaseConfig};
use subject::Subject;

/// Inputs with which costs are measured.
const SAMPLES: usize = 50;

/// How a component did.
#[derive(Debug, Serialize)]
pub struct Conformance {
    /// Its file.
    pub component: String,
    /// `source`, `poller` or `sink`.
    pub role: &'static str,
    /// Each point.
    pub points: Vec<Point>,
    /// What it costs; `None` if it could not be measured.
    pub costs: Option<Bench>,
}

/// One point of the suite.
#[derive(Debug, Serialize)]
pub struct Point {
    /// What is asked of the component.
    pub name: &'static str,
    /// What is not as it should be; `None` if all is.
    pub wrong: Option<String>,
    /// How it did it, where there are several ways.
    pub note: Option<String>,
}

/// What a point's check gives: a note, or what is wrong.
type Checked = Result<Option<String>, String>;

impl Conformance {
    /// Points that do not pass.
    pub fn failures(&self) -> usize {
        self.points.iter().filter(|point| point.wrong.is_some()).count()
    }

    /// Runs the suite on a component. Costs are measured about so long for each size of batches.
    pub async fn run(component: &Component, sandbox: &Arc<Sandbox>, time: Duration) -> Self {
        let subject = Subject { component, sandbox };
        let fetches = component.info.fetches;
        let points = match component.info.role {
            Role::Source if fetches => poller::points(&subject).await,
            Role::Source => source::points(&subject).await,
            Role::Sink => sink::points(&subject).await,
        };
        let (config, samples) = samples(component.info.role, fetches);
        let costs = crate::bench::bench(component, sandbox, &config, &samples, time)
            .await
            .ok();
        Self {
            component: component.file.clone(),
            role: if fetches {
                "poller"
            } else {
                component.info.role.as_str()
            },
            points,
            costs,
        }
    }
}

/// The tables for people: the points of each component, then what each costs.
pub fn text(all: &[Conformance]) -> String {
    table::text(all)
}

/// Inputs of 110 bytes or so.
fn samples(role: Role, fetches: bool) -> (CaseConfig, Vec<Input>) {
    let line = |i: usize| match role {
        Role::Source => format!(
            r#"{{"id":"order-{i:04}","customer":"c-{i:03}","lines":[{{"sku":"apple","pieces":3,"price":0.25}}],"warehouse":"west"}}"#
        ),
        Role::Sink => format!(
            r#"{{"device":"device-{i:04}","celsius":21.5,"humidity":40,"firmware":"1.2.3","room":"north","battery":0.75}}"#
        ),
    };
    let config = match role {
        Role::Source if fetches => subject::config(poller::CONFIG, role),
        Role::Source => subject::config(source::CONFIG, role),
        Role::Sink => subject::config(sink::CONFIG, role),
    };
    (config, (0..SAMPLES).map(|i| Input::new(line(i))).collect())
}
