//! A file of Danube Connect in the words of a pipeline file.

/// Keys of one table, as TOML.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Rows(Vec<(&'static str, String)>);

impl Rows {
    /// A key.
    pub(crate) fn push(&mut self, key: &'static str, toml: impl Into<String>) {
        self.0.push((key, toml.into()));
    }

    /// A key, unless it says what holds without it.
    pub(crate) fn unless(&mut self, usual: &str, key: &'static str, toml: impl Into<String>) {
        let toml = toml.into();
        if toml != usual {
            self.push(key, toml);
        }
    }

    /// Keys of another table that are not here yet.
    pub(crate) fn add_missing(&mut self, others: &Self) {
        for (key, toml) in &others.0 {
            if !self.0.iter().any(|(known, _)| known == key) {
                self.push(key, toml.as_str());
            }
        }
    }

    /// Line by line.
    pub(crate) fn write(&self, out: &mut String) {
        for (key, toml) in &self.0 {
            out.push_str(&format!("{key} = {toml}\n"));
        }
    }
}

/// What one file says, in the words of a pipeline file.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Keys of the pipeline as a whole.
    pub(crate) root: Rows,
    /// `[admin]`, and whether the file says anything of it.
    pub(crate) admin: (Rows, bool),
    /// Each `[[schemas]]`.
    pub(crate) schemas: Vec<Rows>,
    /// The connector: each table with its header.
    pub(crate) connector: Vec<(&'static str, Rows)>,
    /// What was left out or needs a decision.
    pub(crate) notes: Vec<String>,
}
