//! Files of Danube Connect as one pipeline file.

use std::{fmt::Write, path::Path};

use super::{
    ConnectFile,
    draft::{Draft, Rows},
};
use crate::{
    assemble::assemble,
    file_format::FileFormat,
    load::{finish, parse, read, sources},
};
use danube_wasm_settings::{Diagnostic, Diagnostics, Environment, Reading};

/// Widest line of a comment.
const COLUMNS: usize = 100;

/// Files of Danube Connect as one pipeline file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The pipeline file. It belongs in the directory of the first file: its relative paths start there.
    pub toml: String,
    /// What the operator should know.
    pub warnings: Vec<Diagnostic>,
}

/// Writes files of Danube Connect as one pipeline file. Reading it, in the directory of the first file, gives the
/// pipeline that reading those files gives. Environment variables that held over a file's keys stay references, with
/// what the file said as their default; secrets stay where they are.
pub fn migrate<P: AsRef<Path>>(paths: &[P], env: &dyn Environment) -> Result<Migrated, Diagnostics> {
    let shared = Reading::of(sources(paths)?, env);
    let mut parts = Vec::new();
    let mut drafts = Vec::new();
    for (format, session, table) in parse(&shared) {
        if format == FileFormat::Pipeline {
            let message = "this is a pipeline file already";
            session.error(&session.root(), message, "name files of Danube Connect");
            continue;
        }
        if let Some(file) = read::<ConnectFile>(session, &table) {
            parts.push(file.part);
            drafts.push((session.name().to_owned(), file.draft));
        }
    }
    let made = assemble(&shared, parts).map(|_| written(&drafts));
    let (toml, warnings) = finish(shared, made)?;
    Ok(Migrated { toml, warnings })
}

fn written(drafts: &[(String, Draft)]) -> String {
    let mut out = String::new();
    let files: Vec<_> = drafts.iter().map(|(file, _)| file_name(file)).collect();
    comment(
        &mut out,
        &format!("Translated from {} of Danube Connect.", files.join(" and ")),
    );
    comment(&mut out, "Every key: docs/configuration.md");
    let mut root = Rows::default();
    drafts.iter().for_each(|(_, draft)| root.add_missing(&draft.root));
    out.push('\n');
    root.write(&mut out);
    // What a file says of a port holds; where none does, what the first file has without saying it.
    let said = drafts.iter().map(|(_, draft)| &draft.admin).find(|(_, said)| *said);
    if let Some((admin, _)) = said.or(drafts.first().map(|(_, draft)| &draft.admin)) {
        table(&mut out, "[admin]", admin);
    }
    let mut schemas: Vec<&Rows> = Vec::new();
    for rows in drafts.iter().flat_map(|(_, draft)| &draft.schemas) {
        if !schemas.contains(&rows) {
            schemas.push(rows);
        }
    }
    for rows in schemas {
        table(&mut out, "[[schemas]]", rows);
    }
    for (file, draft) in drafts {
        if !draft.notes.is_empty() {
            out.push('\n');
            comment(&mut out, &format!("Of {}:", file_name(file)));
            draft
                .notes
                .iter()
                .for_each(|note| comment(&mut out, &format!("- {note}")));
        }
        for (header, rows) in &draft.connector {
            table(&mut out, header, rows);
        }
    }
    out
}

fn table(out: &mut String, header: &str, rows: &Rows) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "\n{header}");
    rows.write(out);
}

/// Lines that begin with `#`, broken between words.
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

/// The last part of a path: a file that is passed on says nothing of the machine that it was written on.
fn file_name(file: &str) -> String {
    let name = Path::new(file)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| file.to_owned())
}
