//! Writes files of Danube Connect as one pipeline file.

use std::path::Path;

use danube_wasm_settings::{Diagnostic, Diagnostics, Reading};
use toml::de::DeTable;

use super::{
    document::{Document, translate},
    print::Printer,
};
use crate::{
    assemble::assemble,
    file_format::FileFormat,
    load::{Loader, finish, parse, sources},
};

/// Longest line of a comment, in characters.
const COLUMNS: usize = 100;

/// The result of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The pipeline file. It belongs in the directory of the first file: relative paths start there.
    pub toml: String,
    /// Warnings for the operator.
    pub warnings: Vec<Diagnostic>,
}

impl Loader<'_> {
    /// Writes files of Danube Connect as one pipeline file. Reading it, in the directory of the first file, gives the
    /// same pipeline as reading those files. Environment variables that override a file's keys become references with
    /// the file's value as default; secrets stay where they are.
    pub fn migrate<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Migrated, Diagnostics> {
        let shared = self.reading(sources(paths)?);
        let made = translate_all(&shared);
        let (toml, warnings) = finish(shared, made)?;
        Ok(Migrated { toml, warnings })
    }
}

fn translate_all(shared: &Reading<'_>) -> Option<String> {
    let files = parse(shared);
    let mut documents = Vec::new();
    for (format, session, table) in &files {
        if *format == FileFormat::Pipeline {
            let message = "this is a pipeline file already";
            session.error(&session.root(), message, "name files of Danube Connect");
            continue;
        }
        documents.push((file_name(session.name()), translate(*session, table)));
    }
    let parts = documents.iter().filter_map(|(_, document)| document.read());
    assemble(shared, parts.collect())?;
    // Writing to a string does not fail.
    render(shared, &documents).ok()
}

fn render(shared: &Reading<'_>, documents: &[(String, Document<'_>)]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let printer = Printer(shared.pages());
    let files: Vec<_> = documents.iter().map(|(file, _)| file.as_str()).collect();
    let files = files.join(" and ");
    comment(&mut out, &format!("Translated from {files} of Danube Connect."));
    comment(&mut out, "Every key: docs/configuration.md");
    out.push('\n');
    let tables = || documents.iter().map(|(_, document)| &document.table);
    if let Some(first) = tables().next() {
        printer.write_keys(&mut out, "", first)?;
    }
    // A port that a file gives wins; otherwise the first file's default counts.
    let mut admins = tables().filter_map(|table| table.get_key_value("admin"));
    let first = admins.clone().next();
    if let Some((_, admin)) = admins.find(|(key, _)| !key.span().is_empty()).or(first) {
        printer.write_table(&mut out, "admin", admin.get_ref())?;
    }
    out.push_str(&schemas(printer, tables())?);
    for (file, document) in documents {
        let notes = document.notes(shared);
        if !notes.is_empty() {
            out.push('\n');
            comment(&mut out, &format!("Of {file}:"));
        }
        notes.iter().for_each(|note| comment(&mut out, &format!("- {note}")));
        for key in ["sources", "sinks"] {
            if let Some(connectors) = document.table.get(key) {
                printer.write_table(&mut out, key, connectors.get_ref())?;
            }
        }
    }
    Ok(out)
}

/// Returns the schemas of all files without duplicates.
fn schemas<'t>(printer: Printer<'_>, tables: impl Iterator<Item = &'t DeTable<'t>>) -> Result<String, std::fmt::Error> {
    let lists = tables.filter_map(|table| table.get("schemas")?.get_ref().as_array());
    let mut seen: Vec<String> = Vec::new();
    for schema in lists.flatten() {
        let mut text = "\n[[schemas]]\n".to_owned();
        schema
            .get_ref()
            .as_table()
            .map_or(Ok(()), |table| printer.write_keys(&mut text, "schemas", table))?;
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    Ok(seen.concat())
}

/// Writes `text` as comment lines, wrapped between words.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + word.len() >= COLUMNS && line.len() > 3 {
            out.push_str(&line);
            out.push('\n');
            line = String::from("#  ");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

/// Returns the last part of a path: a file that is shared must not reveal the directories of this machine.
fn file_name(file: &str) -> String {
    let name = Path::new(file)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| file.to_owned())
}
