//! A case: a folder with inputs, settings and what should come of them.

use std::path::{Path, PathBuf};

use danube_wasm_sandbox::Role;
use serde_json::Value;

use super::{CaseConfig, Mistakes, expected_lines, unknown};
use crate::input::Input;

/// Names of the files of a case.
const EVENTS: &str = "events.jsonl";
const EXPECTED: &str = "expected.jsonl";
const CONFIG: &str = "config.toml";

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub directory: PathBuf,
    /// Given to the component in one call.
    pub inputs: Vec<Input>,
    /// What it is configured with.
    pub config: CaseConfig,
    /// What should come of it, a line each; `None` if nobody has said so yet.
    pub expected: Option<Vec<Value>>,
}

impl Case {
    /// Where it says what should come of it.
    pub fn expected_file(&self) -> PathBuf {
        self.directory.join(EXPECTED)
    }
}

/// The cases in a folder, by name. Those whose name has not `filter` in it are left out unread.
pub fn find(folder: &Path, role: Role, filter: Option<&str>) -> Result<Vec<Case>, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut directories = directories(folder, &mut mistakes);
    let all = directories.len();
    directories.retain(|directory| filter.is_none_or(|text| name(directory).contains(text)));
    if let (Some(text), true, true) = (filter, all > 0, directories.is_empty()) {
        mistakes.add(folder, 0, format!("none of its {all} cases has `{text}` in its name"));
    }
    let shared = folder.join(CONFIG);
    let cases: Vec<_> = directories
        .into_iter()
        .filter_map(|directory| read(directory, &shared, role, &mut mistakes))
        .collect();
    // The file that several cases share is wrong once.
    let mut seen = Vec::new();
    mistakes.0.retain(|mistake| {
        !seen.contains(mistake) && {
            seen.push(mistake.clone());
            true
        }
    });
    mistakes.check().map(|()| cases)
}

/// The inputs of one file.
pub fn read_inputs(file: &Path, role: Role, config: &CaseConfig, mistakes: &mut Mistakes) -> Vec<Input> {
    let Some(text) = read_text(file, mistakes) else {
        return Vec::new();
    };
    let mut inputs = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = match role {
            Role::Source => Input::event(line),
            Role::Sink => Input::message(line),
        };
        match read {
            Ok(input) => {
                let what = if role == Role::Source { "endpoint" } else { "topic" };
                let known: Vec<_> = config.places.iter().map(String::as_str).collect();
                if !input.place.is_empty() && !known.is_empty() && !known.contains(&&*input.place) {
                    mistakes.add(file, i + 1, unknown(what, &input.place, &known));
                }
                inputs.push(input);
            }
            Err(wrong) => wrong.into_iter().for_each(|message| mistakes.add(file, i + 1, message)),
        }
    }
    inputs
}

fn read(directory: PathBuf, shared: &Path, role: Role, mistakes: &mut Mistakes) -> Option<Case> {
    let events = directory.join(EVENTS);
    if !events.is_file() {
        mistakes.add(
            &directory,
            0,
            format!("it has no {EVENTS}: write one input a line into it, or remove the folder"),
        );
        return None;
    }
    let own = directory.join(CONFIG);
    let file = if own.is_file() { own } else { shared.to_owned() };
    let config = match file.is_file() {
        true => match read_text(&file, mistakes) {
            Some(text) => CaseConfig::read(&file, &text, role, mistakes),
            None => CaseConfig::default_of(role),
        },
        false => CaseConfig::default_of(role),
    };
    let inputs = read_inputs(&events, role, &config, mistakes);
    let expected = directory.join(EXPECTED);
    let expected = expected.is_file().then(|| {
        let text = read_text(&expected, mistakes).unwrap_or_default();
        expected_lines(&expected, &text, role, mistakes)
    });
    Some(Case {
        name: name(&directory),
        inputs,
        config,
        expected,
        directory,
    })
}

fn directories(folder: &Path, mistakes: &mut Mistakes) -> Vec<PathBuf> {
    const CURE: &str = "make a folder in it for each case, such as `first`, with an `events.jsonl` of one input a line, then run \
        `danube-wasm test --update` to keep what comes out as `expected.jsonl`";
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            mistakes.add(
                folder,
                0,
                format!("the folder of cases cannot be read ({error}): {CURE}"),
            );
            return Vec::new();
        }
    };
    let mut directories: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    directories.sort();
    if directories.is_empty() {
        mistakes.add(folder, 0, format!("it has no cases: {CURE}"));
    }
    directories
}

fn name(directory: &Path) -> String {
    directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read_text(file: &Path, mistakes: &mut Mistakes) -> Option<String> {
    match std::fs::read(file) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                mistakes.add(file, line, "not UTF-8: write other bytes as `base64`");
                None
            }
        },
        Err(error) => {
            mistakes.add(file, 0, format!("cannot be read: {error}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text).expect("written");
        }
        folder
    }

    #[test]
    fn a_case_without_settings_has_those_that_all_share() {
        let folder = folder(&[
            ("config.toml", "[[endpoints]]\npath = \"/a\"\ndanube_topic = \"/n/a\"\n"),
            (
                "own/config.toml",
                "[[endpoints]]\npath = \"/b\"\ndanube_topic = \"/n/b\"\n",
            ),
            ("own/events.jsonl", "{\"payload\": 1}\n"),
            ("shared/events.jsonl", "{\"payload\": 1}\n\n{\"text\": \"x\"}\n"),
        ]);
        let cases = find(folder.path(), Role::Source, None).expect("no mistakes");
        let places: Vec<_> = cases
            .iter()
            .map(|case| (&*case.name, &*case.config.place, case.inputs.len()))
            .collect();
        assert_eq!(places, [("own", "/b", 1), ("shared", "/a", 2)]);
        assert_eq!(find(folder.path(), Role::Source, Some("sha")).expect("one").len(), 1);
        let none = find(folder.path(), Role::Source, Some("x"))
            .expect_err("none")
            .to_string();
        assert!(none.ends_with("none of its 2 cases has `x` in its name"), "{none}");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let folder = folder(&[
            (
                "a/events.jsonl",
                "{\"payload\": 1}\n{\"payload\": 1\n{\"payloda\": 1}\n{\"endpoint\": \"/event\", \"text\": \"\"}\n",
            ),
            ("a/expected.jsonl", "[]\n"),
            ("b/readme", ""),
        ]);
        let wrong = find(folder.path(), Role::Source, None)
            .expect_err("mistakes")
            .to_string();
        let wrong: Vec<_> = wrong.lines().collect();
        assert_eq!(wrong.len(), 6, "{wrong:#?}");
        assert!(
            wrong[0].contains("a/events.jsonl:2: not JSON, at column 13"),
            "{}",
            wrong[0]
        );
        assert!(wrong[1].contains("a/events.jsonl:3: no `payload`"), "{}", wrong[1]);
        assert!(
            wrong[2].ends_with("events.jsonl:3: unknown key `payloda`: write `payload`"),
            "{}",
            wrong[2]
        );
        assert!(
            wrong[3].ends_with("events.jsonl:4: unknown endpoint `/event`: write `/events`"),
            "{}",
            wrong[3]
        );
        assert!(
            wrong[4].contains("expected.jsonl:1: a line is one JSON object, not a list"),
            "{}",
            wrong[4]
        );
        assert!(wrong[5].contains("b: it has no events.jsonl"), "{}", wrong[5]);
    }

    #[test]
    fn a_folder_without_cases_says_how_to_make_one() {
        let empty = tempfile::tempdir().expect("a directory");
        let wrong = find(empty.path(), Role::Sink, None).expect_err("empty").to_string();
        assert!(wrong.contains("it has no cases: make a folder in it"), "{wrong}");
    }
}
