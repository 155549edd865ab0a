//! A file of Danube Connect as a pipeline document.

use danube_wasm_settings::{Reading, Session, Span, Table};
use toml::de::DeTable;

use super::{
    input::Input,
    keys::Effect,
    output::Output,
    tables::{OTHERS, PROCESSING, RETRY, TOP},
    translation::Translation,
};
use crate::part::Part;

/// A file of Danube Connect as a pipeline document. Its places are those of the file; what the file does not give and is
/// another than here stands in it, too.
pub(crate) struct Document<'s> {
    /// The document.
    pub(crate) table: DeTable<'s>,
    /// What whoever migrates the file should know, with where it stands.
    notes: Vec<(Span, String)>,
    session: Session<'s>,
}

impl Document<'_> {
    /// Reads it as any pipeline file.
    pub(crate) fn read(&self) -> Option<Part> {
        let part = Table::read::<Part>(
            self.session,
            Some(&self.table),
            self.session.root(),
            String::new(),
            false,
        )?;
        // That a file has none has been recorded.
        let has_connectors = true;
        Some(Part { has_connectors, ..part })
    }

    /// What whoever migrates the file should know, each with its line and key, in their order.
    pub(super) fn notes(&self, shared: &Reading<'_>) -> Vec<String> {
        let mut notes: Vec<_> = self.notes.iter().collect();
        notes.sort_by_key(|(span, _)| span.bytes.start);
        let shown = |(span, text): &(Span, String)| format!("line {}, {}: {text}", shared.line(span), span.key);
        notes.into_iter().map(shown).collect()
    }
}

/// Translates a file. What is wrong with it as one of Danube Connect is recorded.
pub(crate) fn translate<'s>(session: Session<'s>, file: &'s DeTable<'s>) -> Document<'s> {
    let mut this = Translation::of(session);
    let role = this.role(&Input::new(&TOP, session.root(), Some(file)));
    let top = this.survey(session.root(), file, &TOP);
    let processing = this.table(&top, "processing", &PROCESSING);
    this.table(&top, "retry", &RETRY);
    let mut document = Output::new("");
    this.pipeline(&processing, &mut document);
    this.take_over(&top, &mut document);
    this.schemas(&top, &mut document);
    this.connectors(&top, &processing, role, &mut document);
    session.name_keys(this.names);
    Document {
        table: document.entries,
        notes: this.notes,
        session: session.in_first_dir(),
    }
}

/// Which connectors a file has.
#[derive(Clone, Copy)]
pub(super) struct Role {
    pub(super) is_source: bool,
    pub(super) is_sink: bool,
}

impl<'s> Translation<'s> {
    /// Finds out which connector the file has; that it is not one is recorded.
    fn role(&mut self, top: &Input<'s>) -> Role {
        let mut listening = ["server", "webhook", "endpoints", "routes"].into_iter();
        let source = listening.find(|key| top.has(key));
        let is_sink = top.has("surrealdb");
        let other = OTHERS.into_iter().find(|(table, _)| top.has(table));
        match (other, source, is_sink) {
            (Some((table, what)), ..) => self.session.error(
                &top.place(table),
                format!("the file configures {what}, and this version has none"),
                "give files of webhook sources and SurrealDB sinks",
            ),
            (None, Some(key), true) => self.session.error(
                &top.place(key),
                "the file configures a source and a sink, and a file of Danube Connect has one connector",
                "put the source and the sink in a file each, and name both",
            ),
            (None, None, false) => self.session.error(
                &top.span,
                "the file configures no connector: it has neither [server] nor [surrealdb]",
                "add the tables of a webhook source or of a SurrealDB sink",
            ),
            (None, None, true) => {
                for key in ["auth", "rate_limit"] {
                    self.tell_effect(top, key, Effect::Never, "remove it; a sink listens to nobody");
                }
            }
            (None, Some(_), false) => {}
        }
        let is_source = source.is_some();
        Role { is_source, is_sink }
    }
}
