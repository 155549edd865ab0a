//! The switches by which an operator pauses connectors. They outlive reloads, restarts of a connector, and those of the
//! process: who is paused is in `paused.json` of the data directory.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
};

use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::PauseSwitch;
use parking_lot::Mutex;

use crate::{Failure, durable_file};

const FILE: &str = "paused.json";

/// The switch of each connector.
pub(crate) struct Pauses {
    file: PathBuf,
    switches: Mutex<HashMap<ConnectorId, PauseSwitch>>,
}

impl Pauses {
    /// With those of these connectors paused that were so when the process before ended.
    pub(crate) fn open<'a>(
        data_dir: &Path,
        connectors: impl IntoIterator<Item = &'a ConnectorId>,
    ) -> Result<Self, Failure> {
        let file = data_dir.join(FILE);
        let kept = read(&file).map_err(|error| {
            let file = file.display();
            Failure::configuration(format!(
                "{file} says which connectors an operator has paused, and cannot be read: {error}; without it all run"
            ))
        })?;
        let pauses = Self {
            file,
            switches: Mutex::default(),
        };
        for id in connectors.into_iter().filter(|id| kept.contains(id.as_str())) {
            pauses.of(id).set(true);
            tracing::warn!(connector = %id, "the connector is paused, as an operator left it before the restart");
        }
        Ok(pauses)
    }

    /// Returns the switch of a connector.
    pub(crate) fn of(&self, id: &ConnectorId) -> PauseSwitch {
        self.switches.lock().entry(id.clone()).or_default().clone()
    }

    /// Whether a connector is paused.
    pub(crate) fn is_paused(&self, id: &ConnectorId) -> bool {
        self.switches.lock().get(id).is_some_and(PauseSwitch::is_paused)
    }

    /// Pauses or resumes, and keeps that. Returns whether it changed anything.
    pub(crate) fn set(&self, id: &ConnectorId, paused: bool) -> Result<bool, Failure> {
        let changed = self.of(id).set(paused);
        self.keep().map_err(|error| {
            let (what, file) = (if paused { "paused" } else { "resumed" }, self.file.display());
            Failure::internal(format!(
                "{id} is {what} in this process, and will not be after a restart: {file} cannot be written: {error}"
            ))
        })?;
        Ok(changed)
    }

    /// The others were removed: one of their names that is added later runs.
    pub(crate) fn retain(&self, connectors: &BTreeSet<&ConnectorId>) {
        self.switches.lock().retain(|id, _| connectors.contains(id));
        if let Err(error) = self.keep() {
            tracing::warn!(file = %self.file.display(), %error, "a connector that was removed while it was paused may be paused when it is added again");
        }
    }

    /// Writes the file if it would say something else than it does: as a whole, or not at all.
    fn keep(&self) -> io::Result<()> {
        // Held while it is written, so that what was set last stays.
        let switches = self.switches.lock();
        let paused = switches.iter().filter(|(_, switch)| switch.is_paused());
        let paused: BTreeSet<String> = paused.map(|(id, _)| id.to_string()).collect();
        if read(&self.file).is_ok_and(|kept| kept == paused) {
            return Ok(());
        }
        durable_file::replace(&self.file, &serde_json::to_vec(&paused)?)
    }
}

/// Nobody, if there is no file.
fn read(file: &Path) -> io::Result<BTreeSet<String>> {
    match fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}
