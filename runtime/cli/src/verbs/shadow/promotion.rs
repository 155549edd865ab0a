//! Puts a candidate in place of a connector's component, and has the pipeline take it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use danube_wasm_config::{Component, Pipeline};
use danube_wasm_host::control::{self, Request};

use crate::{args, exit::Failure, verbs::reload};

/// The file that a candidate takes the place of.
pub(super) struct Promotion(PathBuf);

impl Promotion {
    /// Fails if the connector's component is not a file of its own.
    pub(super) fn of(args: &args::Shadow, pipeline: &Pipeline) -> Result<Self, Failure> {
        let name = &args.connector;
        let sources = pipeline.sources.iter().map(|source| (&source.id, &source.component));
        let mut all = sources.chain(pipeline.sinks.iter().map(|sink| (&sink.id, &sink.component)));
        let found = all.find(|(id, _)| id.connector() == name || id.as_str() == name);
        match found {
            Some((_, Component::File(file))) => Ok(Self(file.clone())),
            Some((_, other)) => Err(Failure::usage(format!(
                "--promote replaces the file of a component, and `{name}` runs {other}: compare without --promote, then write \
                 `component = \"{}\"` and `danube-wasm reload {}`",
                args.component.display(),
                args.file.display()
            ))),
            None => Err(Failure::usage(format!(
                "pipeline `{}` has no connector `{name}`",
                pipeline.name
            ))),
        }
    }

    /// Keeps the file as it was under the name `.previous`, replaces it at once, and reloads the pipeline.
    pub(super) async fn perform(self, args: &args::Shadow, data_dir: &Path) -> Result<(), Failure> {
        let Self(file) = self;
        let beside = |ending: &str| {
            let mut name = file.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let (new, previous) = (beside(".new"), beside(".previous"));
        let replaced = fs::copy(&file, &previous)
            .and_then(|_| fs::copy(&args.component, &new))
            .and_then(|_| fs::rename(&new, &file));
        replaced.map_err(|error| {
            Failure::internal(format!(
                "{} cannot be replaced: {error}; the pipeline runs as before",
                file.display()
            ))
        })?;
        let changed = control::demand(data_dir, &Request::Reload)
            .await
            .map_err(reload::refused)?;
        changed.iter().for_each(|value| eprintln!("{}", reload::line(value)));
        eprintln!(
            "promoted: {} has the candidate, {} what was there",
            file.display(),
            previous.display()
        );
        Ok(())
    }
}
