//! Facts that are recorded by tables, and compared across tables when all of them are read.
//!
//! A table that is invalid for another reason still records its facts, so that a conflict is reported together with the
//! other mistakes and not only after they are corrected.

mod check;

use danube_wasm_connector::{AddressClaim, Facts};
use danube_wasm_model::TopicName;
use danube_wasm_settings::{Code, Diagnostic, Listen, Reading, Severity, Span};

use crate::tables::schema::Schema;

pub(crate) use check::check;

/// Returns the place of each topic's schema text, as a diagnostic without a message.
pub(crate) fn schema_texts(shared: &Reading<'_>) -> Vec<(TopicName, Diagnostic)> {
    let cross_checks = shared.facts::<CrossChecks>();
    let error = |own: &SchemaUse| {
        let help = "correct the schema's file";
        shared.diagnostic(
            Severity::Error,
            Some(Code::KeysDisagree),
            &own.text,
            String::new(),
            help.to_owned(),
        )
    };
    let schemas = cross_checks.schemas.iter();
    schemas.map(|(_, own)| (own.topic.clone(), error(own))).collect()
}

/// The recorded facts, each with its place.
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

/// Records the address of the host's own port, before those of connectors.
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
    /// The whole schema, if it is valid.
    pub(crate) schema: Option<Schema>,
    /// Place of the schema's text.
    pub(crate) text: Span,
}
