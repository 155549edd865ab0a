//! Languages and the kinds of connectors.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// A language that connectors are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Compiled by cargo.
    Rust,
    /// Snapshotted with its interpreter by componentize-py.
    Python,
    /// Run by an engine that the component carries.
    JavaScript,
    /// JavaScript once its types are checked.
    TypeScript,
    /// Compiled by stock Go for `wasip1` and made a component here.
    Go,
}

/// What a connector does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Events become records for topics.
    Source,
    /// It asks for its events itself, and they become records for topics.
    Poller,
    /// Messages of topics become writes to a target.
    Sink,
}

impl Language {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Rust, Self::Python, Self::JavaScript, Self::TypeScript, Self::Go];

    /// As `connector.toml` and `--lang` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Go => "go",
        }
    }
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Source, Self::Poller, Self::Sink];

    /// As `connector.toml` and `--kind` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Poller => "poller",
            Self::Sink => "sink",
        }
    }

    /// The world of `danube:connector` that it implements.
    pub fn world(self) -> &'static str {
        match self {
            Self::Source => "source-connector",
            Self::Poller => "polling-source-connector",
            Self::Sink => "sink-connector",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(Self::ALL, Self::as_str, text)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(Self::ALL, Self::as_str, text)
    }
}

fn one_of<T: Copy>(all: &[T], spell: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    all.iter().copied().find(|&one| spell(one) == text).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|&one| spell(one)).collect();
        format!("`{text}` is not one of {}", known.join(", "))
    })
}
