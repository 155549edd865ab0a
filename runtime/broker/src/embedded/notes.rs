//! Short texts that a server of the log stores in it: what Danube's protocol has a field for and the log itself does
//! not use. Written by the writer, so as durable as everything else.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::{fault::Fault, tables::NOTES};

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// A topic: its schema subject. Deleted with the topic.
    TopicSubject,
    /// A topic: how its payloads are to be validated. Deleted with the topic.
    TopicValidation,
    /// A schema subject: its compatibility mode.
    SubjectMode,
    /// A version of a schema subject, as `subject/version`: who registered it, when, and why.
    SchemaDetails,
    /// A topic that is copied into the log: how far that is. Deleted with the topic.
    Copy,
}

impl NoteKind {
    fn key(self) -> &'static str {
        match self {
            Self::TopicSubject => "topic-subject",
            Self::TopicValidation => "topic-validation",
            Self::SubjectMode => "subject-mode",
            Self::SchemaDetails => "schema-details",
            Self::Copy => "copy",
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        let all = [
            Self::TopicSubject,
            Self::TopicValidation,
            Self::SubjectMode,
            Self::SchemaDetails,
            Self::Copy,
        ];
        all.into_iter().find(|kind| kind.key() == key)
    }
}

/// Every note.
pub(super) fn all(transaction: &ReadTransaction) -> Result<Vec<(NoteKind, String, String)>, Fault> {
    let mut found = Vec::new();
    for row in transaction.open_table(NOTES)?.iter()? {
        let (place, text) = row?;
        let (kind, name) = place.value();
        if let Some(kind) = NoteKind::from_key(kind) {
            found.push((kind, name.to_owned(), text.value().to_owned()));
        }
    }
    Ok(found)
}

pub(super) fn read(transaction: &ReadTransaction, kind: NoteKind, name: &str) -> Result<Option<String>, Fault> {
    let note = transaction.open_table(NOTES)?.get((kind.key(), name))?;
    Ok(note.map(|note| note.value().to_owned()))
}

pub(super) fn write(transaction: &WriteTransaction, kind: NoteKind, name: &str, text: &str) -> Result<(), Fault> {
    transaction.open_table(NOTES)?.insert((kind.key(), name), text)?;
    Ok(())
}

pub(super) fn remove_topic(transaction: &WriteTransaction, topic: &str) -> Result<(), Fault> {
    let mut notes = transaction.open_table(NOTES)?;
    for kind in [NoteKind::TopicSubject, NoteKind::TopicValidation, NoteKind::Copy] {
        notes.remove((kind.key(), topic))?;
    }
    Ok(())
}
