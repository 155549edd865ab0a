//! Loads files: reads their texts, parses each, and merges them into one pipeline.

use std::path::{Path, PathBuf};

use danube_wasm_connector::Registry;
use danube_wasm_model::TopicName;
use toml::de::DeTable;

use crate::{
    assemble::assemble, connect, cross_checks, file_format::FileFormat, part::Part, reference,
    tables::pipeline::Pipeline,
};
use danube_wasm_settings::{Code, Diagnostic, Diagnostics, Environment, Reading, Session, SourceText, Span, Table};

/// Largest file, in bytes: enough for a thousand connectors.
const FILE_BYTES_MAX: usize = 1 << 20;

/// The result of loading.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Loaded {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Warnings for the operator, in the order of files and lines.
    pub warnings: Vec<Diagnostic>,
    /// The format of each file, in the order in which they were given.
    pub formats: Vec<FileFormat>,
    /// For each topic's schema, a diagnostic that points at its text.
    schema_texts: Vec<(TopicName, Diagnostic)>,
    /// Errors about missing variables and secrets' files, which [`load_lazily`] did not report.
    missing: Vec<Diagnostic>,
}

impl Loaded {
    /// Returns errors about the schemas of these topics, each with a message, that point at the schemas' texts.
    pub fn schema_errors(&self, wrong: Vec<(TopicName, String)>) -> Option<Diagnostics> {
        let span = |topic: &TopicName| self.schema_texts.iter().find(|(known, _)| known == topic);
        let errors = wrong.into_iter().filter_map(|(topic, message)| {
            let (_, span) = span(&topic)?;
            Some(span.clone().with_message(message))
        });
        Diagnostics::new(errors.collect())
    }

    /// Checks that the environment gives everything for these keys, named as in [`Diagnostic::key`].
    pub fn require(&self, is_needed: impl Fn(&str) -> bool) -> Result<(), Diagnostics> {
        let needed = self.missing.iter().filter(|missing| is_needed(&missing.key));
        Diagnostics::errors_or_warnings(needed.cloned().collect()).map(drop)
    }
}

/// Reads pipeline files, with the kinds of connectors of a program and the environment of a process.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    registry: &'a Registry,
    env: &'a dyn Environment,
}

impl<'a> Loader<'a> {
    /// Creates a loader with these kinds of connectors and this environment.
    pub fn new(registry: &'a Registry, env: &'a dyn Environment) -> Self {
        Self { registry, env }
    }

    /// Reads a file. Relative paths in it start from its directory.
    pub fn load(&self, path: &Path) -> Result<Loaded, Diagnostics> {
        self.load_all(&[path])
    }

    /// Reads a file of which not everything may be needed: secrets, other texts and components' own settings may refer
    /// to variables that are not set and to files that do not exist. Their values are the references themselves until
    /// [`Loaded::require`] checks the needed ones.
    pub fn load_lazily(&self, path: &Path) -> Result<Loaded, Diagnostics> {
        load_shared(self.reading(sources(&[path])?).lazily())
    }

    /// Reads where the pipeline of a file keeps its things, whatever else is wrong with the file. `None` if that cannot be
    /// told.
    pub fn data_dir(&self, path: &Path) -> Option<PathBuf> {
        let shared = self.reading(sources(&[path]).ok()?).lazily();
        let (table, _) = DeTable::parse_recoverable(shared.text(0));
        read_part(Session::new(&shared, 0), &table.into_inner())?.data_dir.value
    }

    /// Reads several files as one pipeline; each is a pipeline file or a file of Danube Connect. Relative paths start
    /// from the directory of the file that contains them. Settings that no file gives get the first file's default.
    pub fn load_all<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Loaded, Diagnostics> {
        load_shared(self.reading(sources(paths)?))
    }

    /// Reads `text` as the content of a file at `path`.
    pub fn load_text(&self, path: &Path, text: String) -> Result<Loaded, Diagnostics> {
        load_shared(self.reading(vec![source(path, text)?]))
    }

    pub(crate) fn reading(&self, sources: Vec<SourceText>) -> Reading<'a> {
        let reading = Reading::new(sources, self.env).with_pages(reference::tables(self.registry));
        *reading.facts::<Registry>() = self.registry.clone();
        reading
    }
}

fn load_shared(shared: Reading<'_>) -> Result<Loaded, Diagnostics> {
    let mut formats = Vec::new();
    let mut parts = Vec::new();
    for (format, session, table) in parse(&shared) {
        formats.push(format);
        parts.extend(read_part(session, &table));
    }
    let pipeline = assemble(&shared, parts);
    let schema_texts = cross_checks::schema_texts(&shared);
    let missing = shared.take_missing();
    finish(shared, pipeline).map(|(pipeline, warnings)| Loaded {
        pipeline,
        warnings,
        formats,
        schema_texts,
        missing,
    })
}

/// Reads what a file says. Mistakes are recorded.
fn read_part(session: Session<'_>, table: &DeTable<'_>) -> Option<Part> {
    match FileFormat::detect(table) {
        FileFormat::Pipeline => Table::read::<Part>(session, Some(table), session.root(), String::new(), false),
        FileFormat::DanubeConnect => connect::translate(session, table).read(),
    }
}

/// Returns the result and the warnings, or the errors if there are any.
pub(crate) fn finish<T>(shared: Reading<'_>, made: Option<T>) -> Result<(T, Vec<Diagnostic>), Diagnostics> {
    let file = shared.name(0).to_owned();
    let warnings = Diagnostics::errors_or_warnings(shared.into_diagnostics())?;
    match made {
        Some(made) => Ok((made, warnings)),
        None => Err(Diagnostics::of_file(
            Code::KeysDisagree,
            &file,
            "the file is not valid".to_owned(),
            "",
        )),
    }
}

/// Parses the files and determines their formats. Records the errors of files that are not TOML.
pub(crate) fn parse<'s>(shared: &'s Reading<'s>) -> Vec<(FileFormat, Session<'s>, DeTable<'s>)> {
    let mut parsed = Vec::new();
    for file in 0..shared.file_count() {
        let (table, errors) = DeTable::parse_recoverable(shared.text(file));
        if errors.is_empty() {
            let table = table.into_inner();
            let format = FileFormat::detect(&table);
            let session = Session::new(shared, file);
            parsed.push((format, session, table));
        } else {
            report_syntax(shared, file, errors);
        }
    }
    parsed
}

/// Reads the texts of files.
pub(crate) fn sources<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<SourceText>, Diagnostics> {
    let mut sources = Vec::new();
    let mut wrong = Vec::new();
    if paths.is_empty() {
        let help = "name a pipeline file; see `danube-wasm run --help` for an example";
        wrong.push(Diagnostics::of_file(
            Code::UnreadableFile,
            "",
            "no file is named".to_owned(),
            help,
        ));
    }
    for path in paths {
        let path = path.as_ref();
        let read = danube_wasm_settings::read_text(path, FILE_BYTES_MAX).map_err(|why| {
            let help = "name a pipeline file; see `danube-wasm run --help` for an example";
            let message = format!("the pipeline file cannot be read: {why}");
            Diagnostics::of_file(Code::UnreadableFile, &path.display().to_string(), message, help)
        });
        match read.and_then(|text| source(path, text)) {
            Ok(source) => sources.push(source),
            Err(why) => wrong.push(why),
        }
    }
    Diagnostics::merge(wrong).map_or(Ok(sources), Err)
}

fn source(path: &Path, text: String) -> Result<SourceText, Diagnostics> {
    let file = path.display().to_string();
    match std::path::absolute(path) {
        Ok(absolute) => {
            let dir = absolute.parent().map_or_else(|| absolute.clone(), PathBuf::from);
            Ok(SourceText { file, text, dir })
        }
        Err(error) => {
            let message = format!("the path of the pipeline file cannot be made absolute: {error}");
            Err(Diagnostics::of_file(
                Code::UnreadableFile,
                &file,
                message,
                "give an absolute path",
            ))
        }
    }
}

/// Records the first syntax error of each line: further ones there are usually its consequence.
fn report_syntax(shared: &Reading<'_>, file: usize, errors: Vec<toml::de::Error>) {
    let span = |error: &toml::de::Error| Span::of_file(file).sibling(error.span().unwrap_or(0..0), String::new());
    let mut errors: Vec<_> = errors.into_iter().map(|error| (span(&error), error)).collect();
    errors.sort_by_key(|(span, _)| span.bytes.start);
    errors.dedup_by_key(|(span, _)| shared.line(span));
    for (span, error) in errors {
        let message = format!("not TOML: {}", error.message());
        shared.coded(Code::Syntax, &span, message, syntax_help(error.message()));
    }
}

fn syntax_help(message: &str) -> &'static str {
    if message.starts_with("duplicate key") {
        "keep one of them; a table that repeats is written `[[name]]`"
    } else {
        "strings need quotes, keys are written `key = value`, tables `[name]`; see https://toml.io"
    }
}
