//! `run --dev`: applies the pipeline's files again when they, or the files of its components, change; with `--build`, builds
//! a connector's folder anew when its source changes.
//!
//! Files are looked at several times a second, which works on every file system and needs nothing of the machine. A change
//! counts when a file has been the same for two looks: compilers write large files in parts.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use danube_wasm_config::{Component, Pipeline};
use danube_wasm_host::PipelineHost;
use tokio::{sync::mpsc, task::spawn_blocking, time::interval};

use crate::{args, verbs::source_files::source_files};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How a file is: when it was written, and its size.
type Stamp = Option<(SystemTime, u64)>;
type Stamps = BTreeMap<PathBuf, Stamp>;

/// Tells of changes, until it is dropped.
pub(super) struct Dev {
    changes: mpsc::Receiver<()>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Dev {
    /// Watches what the arguments name, if they ask for it.
    pub(super) fn start(args: &args::Run, host: &PipelineHost) -> Option<Self> {
        if !args.dev {
            return None;
        }
        let (sender, changes) = mpsc::channel(1);
        let (files, pipelines) = (args.files.clone(), host.pipelines());
        let of_pipeline = move || {
            let components = components(&pipelines());
            files.iter().cloned().chain(components).collect::<Vec<_>>()
        };
        let mut tasks = vec![tokio::spawn(watch(Arc::new(of_pipeline), move || {
            let sender = sender.clone();
            // One that waits already is as good.
            async move {
                let _ = sender.try_send(());
            }
        }))];
        for folder in &args.build {
            let (looked, built) = (folder.clone(), folder.clone());
            let pipelines = host.pipelines();
            let files = move || source_files(&looked, &pipelines().data_dir);
            tasks.push(tokio::spawn(watch(Arc::new(files), move || build(built.clone()))));
        }
        tracing::info!(
            build = args.build.len(),
            "watching the pipeline's files and its components"
        );
        Some(Self { changes, tasks })
    }

    /// When something has changed.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|task| task.abort());
    }
}

/// Calls `changed` when one of the files has another content, or is there or gone, and has been so for two looks.
async fn watch<F>(files: Arc<dyn Fn() -> Vec<PathBuf> + Send + Sync>, changed: impl Fn() -> F)
where
    F: Future<Output = ()>,
{
    let mut ticks = interval(LOOK_EVERY);
    let mut known: Option<Stamps> = None;
    let mut before = Stamps::new();
    loop {
        ticks.tick().await;
        let files = files.clone();
        let Ok(now) = spawn_blocking(move || stamps(files())).await else {
            continue;
        };
        let is_still = now == before;
        before.clone_from(&now);
        match &known {
            None => known = Some(now),
            Some(old) if is_still && differs(old, &now) => {
                known = Some(now);
                changed().await;
            }
            // A file that was not watched before is no change by itself.
            Some(old) if !differs(old, &now) => known = Some(now),
            Some(_) => {}
        }
    }
}

/// Whether a file of both looks has changed.
fn differs(old: &Stamps, new: &Stamps) -> bool {
    new.iter()
        .any(|(file, stamp)| old.get(file).is_some_and(|before| before != stamp))
}

fn stamps(files: Vec<PathBuf>) -> Stamps {
    let stamp = |file: &Path| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    let each = files.into_iter();
    each.map(|file| {
        let stamp = stamp(&file);
        (file, stamp)
    })
    .collect()
}

fn components(pipeline: &Pipeline) -> Vec<PathBuf> {
    let of_sources = pipeline.sources.iter().map(|source| &source.component);
    let all = of_sources.chain(pipeline.sinks.iter().map(|sink| &sink.component));
    all.filter_map(|component| match component {
        Component::File(path) => Some(path.clone()),
        Component::Builtin(_) | Component::Registry(_) => None,
    })
    .collect()
}

/// Builds a folder by this program in a child process. What it made is a changed file of a component, if the pipeline names
/// it; what went wrong is said, and nothing changes.
async fn build(folder: PathBuf) {
    tracing::info!(folder = %folder.display(), "the source has changed: building");
    let built = spawn_blocking({
        let folder = folder.clone();
        move || {
            let program = std::env::current_exe()?;
            let mut command = Command::new(program);
            command.arg("build").arg(folder).stdin(Stdio::null()).output()
        }
    })
    .await;
    match built {
        Ok(Ok(output)) if output.status.success() => tracing::info!(folder = %folder.display(), "built"),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            tracing::error!(folder = %folder.display(), "the source does not build, what runs goes on as it was:\n{}", said.trim_end());
        }
        Ok(Err(error)) => tracing::error!(%error, "the build was not started, what runs goes on as it was"),
        Err(error) => tracing::error!(%error, "the build was given up, what runs goes on as it was"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_a_difference_and_one_that_is_new_to_the_list_is_not() {
        let at = |secs| Some((SystemTime::UNIX_EPOCH + Duration::from_secs(secs), 1));
        let old: Stamps = [("a".into(), at(1)), ("b".into(), at(1))].into();
        let more: Stamps = [("a".into(), at(1)), ("c".into(), at(2))].into();
        let gone: Stamps = [("a".into(), None), ("b".into(), at(1))].into();
        assert!(!differs(&old, &old) && !differs(&old, &more));
        assert!(differs(&old, &gone));
    }
}
