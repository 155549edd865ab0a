//! Finds the dead letter: in a running pipeline, in its data directory, or in a file.

use std::path::Path;

use danube_wasm_config::Loaded;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Failure,
    dead_letters::{self, RecordedCall, Request},
};

/// A dead letter, and its pipeline file if that is known.
pub(super) struct DeadLetter {
    pub(super) dumped: DumpedLetter,
    pub(super) case: RecordedCall,
    pub(super) file: Option<Loaded>,
}

/// The needed fields of what `dlq show --json` prints.
#[derive(Debug, Deserialize)]
pub(super) struct DumpedLetter {
    pub(super) id: String,
    pub(super) connector: String,
    #[serde(default)]
    pub(super) component_digest: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) backtrace: Vec<String>,
    #[serde(default)]
    pub(super) origin: String,
    call: Option<RecordedCall>,
}

impl DeadLetter {
    /// Finds the dead letter of the arguments `WHERE` and `ID`: either can be a file that contains it.
    pub(super) async fn find(place: &Path, id: Option<&str>) -> Result<Self, Failure> {
        if let Some(letter) = from_file(place)? {
            return match id {
                None => Self::new(letter, None, place),
                Some(_) => Err(Failure::usage(format!(
                    "{} is a letter already: name no other",
                    place.display()
                ))),
            };
        }
        let loaded = dead_letters::file(place)?;
        let Some(id) = id else {
            let list = place.display();
            return Err(Failure::usage(format!(
                "name a letter: `danube-wasm dlq ls {list}` lists those that are open"
            )));
        };
        let file = Path::new(id);
        if file.is_file() {
            let letter = from_file(file)?.ok_or_else(|| no_letter(file, "it is no JSON object"))?;
            return Self::new(letter, Some(loaded), file);
        }
        let request = Request::Show { id: id.to_owned() };
        let letter = dead_letters::execute(&loaded, request).await?.into_iter().next();
        Self::new(letter.unwrap_or_default(), Some(loaded), place)
    }

    fn new(letter: Value, loaded: Option<Loaded>, place: &Path) -> Result<Self, Failure> {
        let mut dumped: DumpedLetter =
            serde_json::from_value(letter).map_err(|error| no_letter(place, &error.to_string()))?;
        let case = dumped.call.take();
        let case =
            case.ok_or_else(|| no_letter(place, "it has no `call`: a running process may be older than this one"))?;
        Ok(Self {
            dumped,
            case,
            file: loaded,
        })
    }
}

fn no_letter(place: &Path, why: &str) -> Failure {
    Failure::usage(format!(
        "{} has no letter as `dlq show --json` prints it: {why}",
        place.display()
    ))
}

/// Reads a dead letter from a file. `None` if the file is of another kind, or a directory.
fn from_file(file: &Path) -> Result<Option<Value>, Failure> {
    if file.is_dir() {
        return Ok(None);
    }
    let text = std::fs::read(file).map_err(|e| Failure::usage(format!("{} cannot be read: {e}", file.display())))?;
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Ok(None);
    }
    let letter = serde_json::from_slice(&text).map_err(|error| no_letter(file, &error.to_string()))?;
    Ok(Some(letter))
}
