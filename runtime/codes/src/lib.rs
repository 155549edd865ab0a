//! Codes of the errors that users see, each with a page.
//!
//! A sentence says what is wrong here and now; a code stands for its kind, stays the same when sentences change, and has a
//! page in `docs/errors/` that says more than a line can. `danube-wasm explain DW0102` prints it. A code that was
//! published is never used for anything else.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// Declares codes: the name in Rust, the number, and what is wrong in a few words, which is the title of its page.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $title:literal;)*) => {
        /// A code. Its first two digits say which part of the program it is about: see [`Code::PARTS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it is printed: `DW0102`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// What is wrong, in a few words.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }

            /// Its page, Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("../../../docs/errors/", $number, ".md")),)*
                }
            }
        }
    };
}

codes! {
    Syntax = "DW0101", "The pipeline file is not TOML";
    UnknownKey = "DW0102", "A key that the table does not have";
    MissingKey = "DW0103", "A key that the table needs is missing";
    WrongType = "DW0104", "A value of the wrong type";
    InvalidValue = "DW0105", "A value that is not allowed";
    KeysDisagree = "DW0106", "Keys that do not fit together";
    Claimed = "DW0107", "Two connectors want the same";
    UnreadableFile = "DW0108", "A file that cannot be read";
    OlderSpelling = "DW0109", "An older spelling of a key";

    NotAComponent = "DW0201", "The file is not a WebAssembly component";
    TooLarge = "DW0202", "The component is too large";
    NotAConnector = "DW0203", "The component is not a connector";
    WrongRole = "DW0204", "A source where a sink is needed, or the other way round";
    NotGranted = "DW0205", "The component imports what it is not granted";
    NotCompilable = "DW0206", "The component cannot be compiled";
    CompileLimit = "DW0207", "Compiling the component takes too much";
    CompilerCrashed = "DW0208", "The compiler crashed";
    CompilerUnavailable = "DW0209", "The compiler cannot be run";
    LimitsTooHigh = "DW0210", "The limits of a connector are more than the process gives";
    AnotherContract = "DW0211", "The component does not fit this host's contract";
    TopicsNotGranted = "DW0212", "The component names topics that are not its own";
    StartFailed = "DW0213", "The component does not start";

    Trapped = "DW0301", "The component trapped";
    OverBudget = "DW0302", "A call took longer than its budget";
    OverLimit = "DW0303", "A call went over a limit";
    InvalidOutput = "DW0304", "The component returned what breaks the contract";
    Failed = "DW0305", "The component reported a failure";
    NoPlace = "DW0306", "The host cannot run the component now";

    BrokerUnavailable = "DW0401", "The broker cannot be reached";
    BrokerStorage = "DW0402", "The broker's disk is full or fails";
    RecordTooLarge = "DW0403", "The record is too large for the broker";
    NoSuchTopic = "DW0404", "The broker has no such topic, subscription or schema";
    BrokerConflict = "DW0405", "The broker has it otherwise";
    BrokerDenied = "DW0406", "The broker does not allow it";
    BrokerIncompatible = "DW0407", "What is stored cannot be read";

    LetterCrashed = "DW0501", "Dead letter: the component crashed on it";
    LetterRefused = "DW0502", "Dead letter: the component or the schema refused it";
    LetterUndecodable = "DW0503", "Dead letter: it could not be decoded";
    LetterTargetRefused = "DW0504", "Dead letter: the target refused it";
    LetterBrokerRefused = "DW0505", "Dead letter: the broker refused it";

    NothingRuns = "DW0601", "No pipeline runs on this data directory";
    OrphanedBuffer = "DW0602", "A buffer on disk still has records";
}

impl Code {
    /// What the first two digits mean.
    pub const PARTS: &'static [(&'static str, &'static str)] = &[
        ("01", "The pipeline file"),
        ("02", "Loading a component"),
        ("03", "Calls of a component"),
        ("04", "The broker"),
        ("05", "Dead letters"),
        ("06", "Running"),
    ];

    /// Its part, the first two digits.
    pub fn part(self) -> &'static str {
        &self.as_str()[2..4]
    }

    /// The index of all pages, Markdown; generated into `docs/errors/README.md`.
    pub fn index() -> String {
        let mut text = String::from(
            "# Errors\n\nA code stands for a kind of error and stays the same when its sentence changes. `danube-wasm explain DW0102` prints its\npage.\n",
        );
        for (part, heading) in Self::PARTS {
            text.push_str(&format!("\n## {heading}\n\n| code | |\n|---|---|\n"));
            let codes = Self::ALL.iter().filter(|code| code.part() == *part);
            for code in codes {
                text.push_str(&format!("| [{code}]({code}.md) | {} |\n", code.title()));
            }
        }
        text
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text that is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCode;

impl FromStr for Code {
    type Err = NoCode;

    /// Accepts what people type: `DW0102`, `dw102`, `102`.
    fn from_str(text: &str) -> Result<Self, NoCode> {
        let text = text.trim();
        let digits = text
            .strip_prefix("DW")
            .or_else(|| text.strip_prefix("dw"))
            .unwrap_or(text);
        let number: u32 = digits.parse().map_err(|_| NoCode)?;
        let wanted = format!("DW{number:04}");
        let found = Self::ALL.iter().find(|code| code.as_str() == wanted);
        found.copied().ok_or(NoCode)
    }
}

#[cfg(test)]
mod tests;
