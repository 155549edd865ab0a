//! A file of Danube Connect as a pipeline document.

use danube_wasm_settings::{Reading, Session, Span, Table};
use toml::de::DeTable;

use super::{
    input::Input,
    keys::Effect,
    output::Output,
    tables::{PROCESSING, RETRY, TOP},
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
    pub(super) sink: Option<SinkKind>,
}

/// The kinds of sinks of Danube Connect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SinkKind {
    SurrealDb,
    Qdrant,
    DeltaLake,
}

/// Each kind of sink, by the table that identifies its files.
const SINKS: [(&str, &str, SinkKind); 3] = [
    ("surrealdb", "a SurrealDB sink", SinkKind::SurrealDb),
    ("qdrant", "a Qdrant sink", SinkKind::Qdrant),
    ("deltalake", "a Delta Lake sink", SinkKind::DeltaLake),
];

impl<'s> Translation<'s> {
    /// Determines the file's connector, and records an error if there is not exactly one.
    fn role(&mut self, top: &Input<'s>) -> Role {
        let mut listening = ["server", "webhook", "endpoints", "routes"].into_iter();
        let webhook = listening.find(|key| top.has(key));
        let is_mqtt = top.has("mqtt");
        let source = webhook.or(is_mqtt.then_some("mqtt"));
        let sink = self.sink_kind(top);
        if let Some(key) = webhook.filter(|_| is_mqtt) {
            self.session.error(
                &top.value_span(key),
                "the file configures a webhook source and an MQTT source, and a file of Danube Connect has one connector",
                "put the sources in a file each, and name both",
            );
        }
        match (source, sink) {
            (Some(key), Some(_)) => self.session.error(
                &top.value_span(key),
                "the file configures a source and a sink, and a file of Danube Connect has one connector",
                "put the source and the sink in a file each, and name both",
            ),
            (None, None) => self.session.error(
                &top.span,
                "the file configures no connector: it has none of [server], [mqtt], [surrealdb], [qdrant] and [deltalake]",
                "add the tables of a webhook source, an MQTT source, a SurrealDB sink, a Qdrant sink or a Delta Lake sink",
            ),
            (None, Some(_)) => {
                for key in ["auth", "rate_limit"] {
                    self.warn_about_effect(top, key, Effect::Never, "remove it; a sink listens to nobody");
                }
            }
            (Some("mqtt"), None) => {
                for key in ["auth", "rate_limit"] {
                    self.warn_about_effect(top, key, Effect::Never, "remove it; an MQTT source listens to nobody");
                }
            }
            (Some(_), None) => {}
        }
        Role {
            is_webhook: webhook.is_some(),
            is_mqtt,
            sink,
        }
    }

    /// The file's sink, the first if it has several, which is an error.
    fn sink_kind(&mut self, top: &Input<'s>) -> Option<SinkKind> {
        let mut given = SINKS.into_iter().filter(|(table, ..)| top.has(table));
        let (_, first, kind) = given.next()?;
        for (table, other, _) in given {
            self.session.error(
                &top.value_span(table),
                format!("the file configures {first} and {other}, and a file of Danube Connect has one connector"),
                "put the sinks in a file each, and name both",
            );
        }
        Some(kind)
    }
}
