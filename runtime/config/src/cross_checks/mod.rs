//! Facts that are compared across tables when all of them are read.
//!
//! A table that is wrong elsewhere still enters what it says here, so that a clash is reported beside the other
//! mistakes and not only after they are corrected.

mod check;

use danube_wasm_connector::{AddressClaim, Facts};
use danube_wasm_model::TopicName;
use danube_wasm_settings::{Diagnostic, Listen, Reading, Severity, Span};

use crate::tables::schema::Schema;

pub(crate) use check::check;

/// Where the text of each topic's schema is named, as an error without its sentence.
pub(crate) fn schema_texts(shared: &Reading<'_>) -> Vec<(TopicName, Diagnostic)> {
    let cross_checks = shared.facts::<CrossChecks>();
    let error = |own: &SchemaUse| {
        let help = "correct the schema's file";
        shared.diagnostic(Severity::Error, &own.text, String::new(), help.to_owned())
    };
    let schemas = cross_checks.schemas.iter();
    schemas.map(|(_, own)| (own.topic.clone(), error(own))).collect()
}

/// The facts, each with where the file says it.
#[derive(Debug, Default)]
pub(crate) struct CrossChecks {
    /// Name of the pipeline, for the ids of its connectors.
    pub(crate) pipeline: String,
    /// Names of connectors.
    pub(crate) connectors: Vec<(Span, String)>,
    /// Buffers on disk, with their connectors, as [`Table::item`](danube_wasm_settings::Table::item) names them.
    pub(crate) buffers: Vec<(Span, String)>,
    /// Sources with a component of the user's, as [`Table::item`](danube_wasm_settings::Table::item) names them.
    pub(crate) own_components: Vec<String>,
    /// Topics with their schemas.
    pub(crate) schemas: Vec<(Span, SchemaUse)>,
}

/// Leaves the address of the host's own port, which comes before those of connectors.
pub(crate) fn claim_admin_address(shared: &Reading<'_>, span: Span, listen: &Listen) {
    if listen.port != 0 {
        let claim = AddressClaim {
            listen: listen.clone(),
            owner: "admin".to_owned(),
            terms: None,
        };
        shared.facts::<Facts>().addresses.insert(0, (span, claim));
    }
}

/// A topic with a schema.
#[derive(Debug)]
pub(crate) struct SchemaUse {
    pub(crate) topic: TopicName,
    pub(crate) subject: String,
    /// All of it, if it is right.
    pub(crate) schema: Option<Schema>,
    /// Where its text is named.
    pub(crate) text: Span,
}
