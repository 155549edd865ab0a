//! The endpoints of a sink, and what is sent to them.

use danube_wasm_egress_dial::config::Guard;
use danube_wasm_settings::{Section, Table};

use super::{Endpoint, TopicMapping, mapping::EndpointNames};

/// Endpoints, and what is sent to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Which addresses may be dialed.
    pub guard: Guard,
    /// At least one, each with a name of its own.
    pub endpoints: Vec<Endpoint>,
    /// What is consumed and where it goes; at least one.
    pub topic_mappings: Vec<TopicMapping>,
}

impl Section for Http {
    const ABOUT: &'static str = "HTTP endpoints that a sink sends documents to. An insert is a POST, an upsert a PUT, a \
        merge a PATCH and a delete a DELETE, unless the endpoint says otherwise.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let guard = Guard::read(t);
        let endpoints = t.group("endpoints").each_of_some::<Endpoint>();
        let topic_mappings = t
            .group("topic_mappings")
            .aliases(&["routes"])
            .each_of_some::<TopicMapping>();
        EndpointNames::compare(t);
        Some(Self {
            guard: guard?,
            endpoints,
            topic_mappings,
        })
    }
}
