//! Which namespaces the cluster has. Only Danube's admin API tells.

use std::collections::BTreeSet;

use danube_wasm_broker::Broker as _;
use danube_wasm_broker_danube::Danube;
use danube_wasm_config::Pipeline;

use super::Finding;

/// The namespace that every cluster has.
const DEFAULT: &str = "default";

/// All that are there; `None` where nobody tells.
pub(super) struct Namespaces(Option<BTreeSet<String>>);

impl Namespaces {
    /// Asks the admin API, if the file says where it is, and notes whether it answers.
    pub(super) async fn ask(pipeline: &Pipeline, danube: &Danube, findings: &mut Vec<Finding>) -> Self {
        let (Some(url), Some(admin)) = (&pipeline.danube.admin_url, danube.admin()) else {
            return Self(None);
        };
        let told = danube.namespaces().await;
        // `run` asks it for topics, which takes another permission.
        let answered = match &told {
            Ok(_) => admin.topics().await.map(drop),
            Err(error) => Err(error.clone()),
        };
        findings.push(Finding {
            what: format!("admin API {url}"),
            outcome: super::outcome(answered),
        });
        Self(told.ok())
    }

    /// Whether this one is there, where that is known.
    pub(super) fn has(&self, name: &str) -> Option<bool> {
        match &self.0 {
            Some(all) => Some(all.contains(name)),
            None => (name == DEFAULT).then_some(true),
        }
    }
}

/// What is in the way of a topic in a namespace that is not there.
pub(super) fn not_there(name: &str) -> String {
    format!(
        "the cluster has no namespace `{name}`, and nobody but an operator makes one: create it first, `danube-admin \
         namespaces create {name}`, or name another in the topic"
    )
}
