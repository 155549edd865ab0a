//! What a file of `guests/hostile/` declares of itself: the one place of truth about its behaviour and its verdict.
//!
//! A file begins with comments: a sentence, an empty comment, then `key: value` lines, which `guests/hostile/README.md`
//! explains.

use std::{
    fs,
    path::{Path, PathBuf},
};

use danube_wasm_sandbox::{GuestLimits, Role};

use super::forms;

/// One behaviour.
#[derive(Debug)]
pub struct Behaviour {
    /// The file's name, without its extension.
    pub name: String,
    /// What it does.
    pub sentence: String,
    /// What becomes of it, in each world in which it exists.
    pub verdicts: Vec<(Role, Verdict)>,
    /// What it may use.
    pub limits: GuestLimits,
    /// The batch it is called with.
    pub given: Given,
    /// Log lines that it offers in a trial.
    pub lines: Output,
    /// Metric values that it offers in a trial.
    pub numbers: Output,
    /// Minimum and maximum of its memory, in pages.
    pub memory: String,
    /// Bytes of a section that means nothing, at its end.
    pub padding: usize,
    /// Instances of the module beside its own.
    pub instances: u8,
    /// Its forms.
    pub text: String,
}

/// What becomes of a behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How far it gets: `admission`, `compile`, `contract`, `instantiation`, `initialize`, `configs`, `topics`, `call`.
    pub stage: String,
    /// The error's kind, which is its label in the metrics; `ok` for none.
    pub kind: String,
    /// Part of the error's text; of a limit or a column, its name.
    pub detail: String,
}

/// A batch.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    pub events: usize,
    pub payload_bytes: usize,
    /// Attributes (and for events, headers) of each.
    pub attributes: usize,
    pub attribute_bytes: usize,
}

/// How much a behaviour says, and how much of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// So much, and so much of it is kept.
    Exactly { offered: u64, kept: u64 },
    /// As much as it can, and so much of it is kept.
    Flood { kept: u64 },
    /// As much as it can, and all of it is kept.
    Endless,
}

impl Default for Output {
    fn default() -> Self {
        Self::Exactly { offered: 0, kept: 0 }
    }
}

/// Every behaviour, by name.
pub fn behaviours() -> Vec<Behaviour> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .filter(|path| !path.ends_with("common.wat"))
        .collect();
    files.sort();
    files.iter().map(|path| Behaviour::read(path)).collect()
}

/// Where the behaviours are.
pub fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../guests/hostile")
}

impl Behaviour {
    pub fn read(path: &Path) -> Self {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a text");
        let header = text.lines().map_while(|line| line.strip_prefix(";;")).map(str::trim);
        let header: Vec<&str> = header.collect();
        let sentence: Vec<&str> = header.iter().copied().take_while(|line| !line.is_empty()).collect();
        let mut behaviour = Self {
            sentence: sentence.join(" "),
            verdicts: Vec::new(),
            limits: tight(),
            given: Given::parse("8 of 16 bytes"),
            lines: Output::default(),
            numbers: Output::default(),
            memory: "16 256".into(),
            padding: 0,
            instances: 0,
            text: forms::expand(&forms::without_comments(&text)),
            name,
        };
        for line in header.iter().skip(sentence.len()).filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{path:?}: {line}"));
            behaviour.set(key, value.trim());
        }
        assert!(!behaviour.verdicts.is_empty(), "{path:?} declares no verdict");
        if behaviour.verdicts.iter().all(|(_, verdict)| verdict.kind != "budget") {
            // Time is not what stops it, so a busy machine must not either.
            (behaviour.limits.call_base_ms, behaviour.limits.initialize_ms) = (60_000, 60_000);
        }
        behaviour
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "both" => {
                self.verdicts.push((Role::Source, Verdict::parse(value)));
                self.verdicts.push((Role::Sink, Verdict::parse(value)));
            }
            "source" => self.verdicts.push((Role::Source, Verdict::parse(value))),
            "sink" => self.verdicts.push((Role::Sink, Verdict::parse(value))),
            "limits" => value.split(' ').for_each(|limit| set_limit(&mut self.limits, limit)),
            "given" => self.given = Given::parse(value),
            "lines" => self.lines = Output::parse(value),
            "numbers" => self.numbers = Output::parse(value),
            "memory" => self.memory = value.into(),
            "instances" => self.instances = value.parse().expect("a small number"),
            "padding" => self.padding = value.parse().expect("a number of bytes"),
            _ => panic!("{}: `{key}` is not known", self.name),
        }
    }
}

/// Limits under which what never ends is soon stopped, and what is said is exactly counted.
fn tight() -> GuestLimits {
    GuestLimits {
        memory_bytes_max: 16 << 20,
        call_base_ms: 20,
        initialize_ms: 20,
        wait_ms_max: 20,
        log_lines_per_s: 1,
        ..Default::default()
    }
}

fn set_limit(limits: &mut GuestLimits, limit: &str) {
    let (name, value) = limit.split_once('=').expect("a name and a value");
    let value: u32 = value.parse().expect("a number");
    match name {
        "memory_bytes_max" => limits.memory_bytes_max = value as usize,
        "handles_max" => limits.handles_max = value as usize,
        "resources_max" => limits.resources_max = value as usize,
        "output_bytes_max" => limits.output_bytes_max = value as usize,
        "metric_names_max" => limits.metric_names_max = value as usize,
        "call_base_ms" => limits.call_base_ms = value.into(),
        "wait_ms_max" => limits.wait_ms_max = value.into(),
        "log_bytes_per_s" => limits.log_bytes_per_s = value,
        "log_lines_per_s" => limits.log_lines_per_s = value,
        _ => panic!("`{name}` is not known"),
    }
}

impl Verdict {
    fn parse(text: &str) -> Self {
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        Self {
            stage: word(),
            kind: word(),
            detail: word(),
        }
    }
}

impl Given {
    /// `8 of 16 bytes`, or `8 of 16 bytes with 3 attributes of 10`.
    fn parse(text: &str) -> Self {
        let numbers: Vec<usize> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
        let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
        Self {
            events: number(0),
            payload_bytes: number(1),
            attributes: number(2),
            attribute_bytes: number(3),
        }
    }
}

impl Output {
    /// `5`, `1000 kept 4`, `endless kept 4` or `endless`.
    fn parse(text: &str) -> Self {
        let number = |text: &str| text.parse().expect("a number");
        match text.split_once(" kept ") {
            None if text == "endless" => Self::Endless,
            Some(("endless", kept)) => Self::Flood { kept: number(kept) },
            Some((offered, kept)) => Self::Exactly {
                offered: number(offered),
                kept: number(kept),
            },
            None => Self::Exactly {
                offered: number(text),
                kept: number(text),
            },
        }
    }
}
