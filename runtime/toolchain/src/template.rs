//! What a new folder holds.

use std::collections::BTreeMap;

use crate::{Kind, embedded};

/// The files of a language's new folder. In text files `{{name}}`, `{{module}}` and `{{type}}` stand for the connector's name as it
/// is (`order-lines`), as a module (`order_lines`) and as a type (`OrderLines`), also in paths.
#[derive(Debug, Default)]
pub struct Template {
    files: Vec<(Option<Kind>, String, Vec<u8>)>,
}

impl Template {
    /// The files of `templates/common` and `templates/LANGUAGE`, in a folder for each kind, and in `both` for every kind that has
    /// none of the same path.
    pub(crate) fn of(language: &str) -> Self {
        let mut template = Self::default();
        for folder in ["common", language] {
            let kinds = Kind::ALL.iter().map(|&kind| (Some(kind), kind.as_str()));
            for (kind, name) in [(None, "both")].into_iter().chain(kinds) {
                for (path, content) in embedded::below(embedded::TEMPLATES, &format!("{folder}/{name}")) {
                    template.files.push((kind, path, content));
                }
            }
        }
        template
    }

    /// Adds files that travel as they are: an SDK, the WIT.
    pub(crate) fn with(mut self, files: Vec<(String, Vec<u8>)>) -> Self {
        let both = files.into_iter().map(|(path, content)| (None, path, content));
        self.files.extend(both);
        self
    }

    /// The files of a connector's folder, by path.
    pub fn render(self, name: &str, kind: Kind) -> Vec<(String, Vec<u8>)> {
        let names = Names::of(name);
        let mut wanted = BTreeMap::new();
        for (_, path, content) in self.files.into_iter().filter(|(of, ..)| of.is_none_or(|of| of == kind)) {
            wanted.insert(path, content);
        }
        let wanted = wanted.into_iter();
        wanted
            .map(|(path, content)| {
                let content = match String::from_utf8(content) {
                    Ok(text) => names.put_into(&text).into_bytes(),
                    Err(bytes) => bytes.into_bytes(),
                };
                // `dot-gitignore`, so that git does not take the template's for its own; `x.tmpl`, so that tools do not
                // take a template for a manifest.
                let path = names.put_into(&path).replace("dot-", ".");
                let path = path.strip_suffix(".tmpl").map_or_else(|| path.clone(), str::to_owned);
                (path, content)
            })
            .collect()
    }
}

/// One name in three spellings.
struct Names {
    name: String,
    module: String,
    kind: String,
}

impl Names {
    fn of(name: &str) -> Self {
        let capital = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        };
        Self {
            name: name.to_owned(),
            module: name.replace('-', "_"),
            kind: name.split('-').map(capital).collect(),
        }
    }

    fn put_into(&self, text: &str) -> String {
        let text = text.replace("{{name}}", &self.name);
        text.replace("{{module}}", &self.module).replace("{{type}}", &self.kind)
    }
}
