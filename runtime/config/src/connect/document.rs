//! A file of Danube Connect as a pipeline document.

use danube_wasm_settings::{Reading, Session, Span, Table};
use toml::de::DeTable;

use super::{
    input::Input,
    keys::Effect,
    output::Output,
    tables::{PROCESSING, RETRY, TOP, UNSUPPORTED_CONNECTORS},
    translation::Translation,
};
use crate::part::Part;

/// A file of Danube Connect as a pipeline document. Its spans are those of the file; Danube Connect's defaults that
/// differ from ours are written into it.
pub(crate) struct Document<'s> {
    /// The document.
    pub(crate) table: DeTable<'s>,
    /// Notes for the operator who migrates the file, with their spans.
    notes: Vec<(Span, String)>,
    session: Session<'s>,
}

impl Document<'_> {
    /// Reads the document like any pipeline file.
    pub(crate) fn read(&self) -> Option<Part> {
        let part = Table::read::<Part>(
            self.session,
            Some(&self.table),
            self.session.root(),
            String::new(),
            false,
        )?;
        // A file without connectors has been reported already.
        let has_connectors = true;
        Some(Part { has_connectors, ..part })
    }

    /// Returns the notes for the operator who migrates the file, each with its line and key, in order.
    pub(super) fn notes(&self, shared: &Reading<'_>) -> Vec<String> {
        let mut notes: Vec<_> = self.notes.iter().collect();
        notes.sort_by_key(|(span, _)| span.bytes.start);
        let shown = |(span, text): &(Span, String)| format!("line {}, {}: {text}", shared.line(span), span.key);
        notes.into_iter().map(shown).collect()
    }
}

/// Translates a file, and records the file's errors.
pub(crate) fn translate<'s>(session: Session<'s>, file: &'s DeTable<'s>) -> Document<'s> {
    let mut this = Translation::new(session);
    let role = this.role(&Input::new(&TOP, session.root(), Some(file)));
    let top = this.check_keys(session.root(), file, &TOP);
    let processing = this.table(&top, "processing", &PROCESSING);
    this.table(&top, "retry", &RETRY);
    let mut document = Output::new("");
    this.pipeline(&processing, &mut document);
    this.convert_keys(&top, &mut document);
    this.schemas(&top, &mut document);
    this.connectors(&top, &processing, role, &mut document);
    session.name_keys(this.names);
    Document {
        table: document.entries,
        notes: this.notes,
        session: session.in_first_dir(),
    }
}

/// The kinds of connectors that a file has.
#[derive(Clone, Copy)]
pub(super) struct Role {
    pub(super) is_webhook: bool,
    pub(super) is_mqtt: bool,
    pub(super) is_sink: bool,
    pub(super) is_qdrant: bool,
}

impl Role {
    /// Whether the file has a sink of any kind.
    pub(super) fn has_sink(self) -> bool {
        self.is_sink || self.is_qdrant
    }
}

impl<'s> Translation<'s> {
    /// Determines the file's connector, and records an error if there is not exactly one.
    fn role(&mut self, top: &Input<'s>) -> Role {
        let mut listening = ["server", "webhook", "endpoints", "routes"].into_iter();
        let webhook = listening.find(|key| top.has(key));
        let (is_mqtt, is_surrealdb, is_qdrant) = (top.has("mqtt"), top.has("surrealdb"), top.has("qdrant"));
        let is_sink = is_surrealdb || is_qdrant;
        if is_surrealdb && is_qdrant {
            self.session.error(
                &top.value_span("qdrant"),
                "the file configures a SurrealDB sink and a Qdrant sink, and a file of Danube Connect has one connector",
                "put the sinks in a file each, and name both",
            );
        }
        let source = webhook.or(is_mqtt.then_some("mqtt"));
        let other = UNSUPPORTED_CONNECTORS.into_iter().find(|(table, _)| top.has(table));
        if let Some(key) = webhook.filter(|_| is_mqtt) {
            self.session.error(
                &top.value_span(key),
                "the file configures a webhook source and an MQTT source, and a file of Danube Connect has one connector",
                "put the sources in a file each, and name both",
            );
        }
        match (other, source, is_sink) {
            (Some((table, what)), ..) => self.session.error(
                &top.value_span(table),
                format!("the file configures {what}, and this version has none"),
                "give files of webhook sources, MQTT sources, SurrealDB sinks and Qdrant sinks",
            ),
            (None, Some(key), true) => self.session.error(
                &top.value_span(key),
                "the file configures a source and a sink, and a file of Danube Connect has one connector",
                "put the source and the sink in a file each, and name both",
            ),
            (None, None, false) => self.session.error(
                &top.span,
                "the file configures no connector: it has none of [server], [mqtt], [surrealdb] and [qdrant]",
                "add the tables of a webhook source, an MQTT source, a SurrealDB sink or a Qdrant sink",
            ),
            (None, None, true) => {
                for key in ["auth", "rate_limit"] {
                    self.warn_about_effect(top, key, Effect::Never, "remove it; a sink listens to nobody");
                }
            }
            (None, Some("mqtt"), false) => {
                for key in ["auth", "rate_limit"] {
                    self.warn_about_effect(top, key, Effect::Never, "remove it; an MQTT source listens to nobody");
                }
            }
            (None, Some(_), false) => {}
        }
        Role {
            is_webhook: webhook.is_some(),
            is_mqtt,
            is_sink: is_surrealdb,
            is_qdrant,
        }
    }
}
