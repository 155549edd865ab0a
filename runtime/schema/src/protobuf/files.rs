//! The files that a `.proto` text is compiled with: itself, those that it imports, and Protobuf's own.

use std::collections::HashMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost_reflect::FileDescriptor;
use protox::{
    Compiler,
    file::{File, FileResolver, GoogleFileResolver},
};

use super::nesting;

/// Where Protobuf's own files are.
pub(super) const OWN: &str = "google/protobuf/";

/// Files that are known by their names, besides [`OWN`].
pub(super) struct Files(HashMap<String, File>);

impl Files {
    /// One file.
    pub(super) fn of(name: &str, file: File) -> Self {
        Self(HashMap::from([(name.to_owned(), file)]))
    }

    /// One more, unless there is one of its name.
    pub(super) fn add(&mut self, name: &str, file: File) {
        self.0.entry(name.to_owned()).or_insert(file);
    }

    /// Compiles a file with all that it imports.
    pub(super) fn compile(self, name: &str) -> Result<FileDescriptor, String> {
        let mut compiler = Compiler::with_file_resolver(self);
        // The error's debug form is the one with the line.
        compiler.open_file(name).map_err(|error| format!("{error:?}"))?;
        let file = compiler.descriptor_pool().get_file_by_name(name);
        file.ok_or_else(|| "it was not compiled".to_owned())
    }
}

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(file) => Ok(file.clone()),
            None => GoogleFileResolver::new().open_file(name),
        }
    }
}

/// Reads a text.
pub(super) fn read(name: &str, text: &str) -> Result<File, String> {
    nesting::check(text)?;
    let file = File::from_source(name, text).map_err(|error| format!("{error:?}"))?;
    not_googles(file)
}

/// Reads a text, or what clients that have no text register instead of it: a descriptor in base64.
pub(super) fn read_any(name: &str, text: &str) -> Result<File, String> {
    // A text has blanks or brackets, which base64 has not.
    let Ok(bytes) = BASE64_STANDARD.decode(text.trim()) else {
        return read(name, text);
    };
    let file = File::decode_file_descriptor_proto(&*bytes).map_err(|error| format!("the descriptor: {error}"))?;
    let mut descriptor = file.file_descriptor_proto().clone();
    descriptor.name = Some(name.to_owned());
    not_googles(File::from_file_descriptor_proto(descriptor))
}

/// The mapping to JSON trusts what these types are.
fn not_googles(file: File) -> Result<File, String> {
    match file.file_descriptor_proto().package().starts_with("google.protobuf") {
        true => Err("the package `google.protobuf` is Protobuf's own: use another".to_owned()),
        false => Ok(file),
    }
}
