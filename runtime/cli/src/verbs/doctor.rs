//! `danube-wasm doctor [FILES]`: whether this machine, and what a pipeline needs of it, are fit for `run`.

use std::{fmt::Display, path::Path, sync::Arc};

use danube_wasm_host::probe::{self, Finding, Outcome};
use danube_wasm_toolchain::{Kind, Language, NewConnector, Scaffold};
use nix::sys::{
    resource::{Resource, getrlimit},
    statvfs::statvfs,
};

use crate::{args, exit::Failure};

/// Fewer open files than this are too few for a listener with its connections.
const OPEN_FILES_MIN: u64 = 4_096;
/// Less free disk than this is worth a word.
const DISK_MIN_BYTES: u64 = 1 << 30;

/// What was found out, line by line.
#[derive(Default)]
struct Checkup {
    problems: usize,
}

impl Checkup {
    fn fine(&self, what: &str, how: impl Display) {
        println!("ok       {what}: {how}");
    }

    fn note(&self, what: &str, how: impl Display) {
        println!("note     {what}: {how}");
    }

    fn problem(&mut self, what: &str, how: impl Display) {
        self.problems += 1;
        println!("PROBLEM  {what}: {how}");
    }
}

/// Prints what was looked at; fails if something would keep a pipeline from running.
pub(crate) fn doctor(args: &args::Doctor) -> Result<(), Failure> {
    let mut checkup = Checkup::default();
    checkup.fine("danube-wasm", args::LONG_VERSION.replace('\n', ", "));
    limits(&mut checkup);
    sandbox(&mut checkup);
    languages(&mut checkup);
    match args.files.is_empty() {
        true => disk(&mut checkup, "this folder", Path::new(".")),
        false => pipeline(&mut checkup, args)?,
    }
    match checkup.problems {
        0 => Ok(()),
        1 => Err(Failure::not_ready("1 problem")),
        n => Err(Failure::not_ready(format!("{n} problems"))),
    }
}

fn limits(checkup: &mut Checkup) {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    checkup.fine("processors", cpus);
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft >= OPEN_FILES_MIN => checkup.fine("open files", soft),
        Ok((soft, hard)) => checkup.note(
            "open files",
            format!("{soft} at most, of {hard}: connections beyond that are refused; raise it with `ulimit -n {hard}`"),
        ),
        Err(e) => checkup.note("open files", e),
    }
    // Each sandbox reserves addresses, not memory.
    match getrlimit(Resource::RLIMIT_AS) {
        Ok((nix::libc::RLIM_INFINITY, _)) => checkup.fine("address space", "unlimited"),
        Ok((bytes, _)) => checkup.problem(
            "address space",
            format!("limited to {bytes} bytes: the sandbox reserves more; remove the limit with `ulimit -v unlimited`"),
        ),
        Err(e) => checkup.note("address space", e),
    }
}

/// Starts the sandbox, compiler and all.
fn sandbox(checkup: &mut Checkup) {
    let started = tempfile::tempdir().map_err(Failure::internal).and_then(|scratch| {
        let sandbox = crate::sandbox(scratch.path())?;
        drop(Arc::try_unwrap(sandbox));
        Ok(())
    });
    match started {
        Ok(()) => checkup.fine("sandbox", "starts"),
        Err(failure) => checkup.problem("sandbox", failure),
    }
}

/// What is missing to write connectors. Nothing of it is needed to run them.
fn languages(checkup: &mut Checkup) {
    let Ok(scratch) = tempfile::tempdir() else {
        return checkup.note("languages", "there is no temporary folder to look from");
    };
    for &language in Language::ALL {
        let new = NewConnector {
            directory: scratch.path().join("connector"),
            kind: Kind::Source,
            language,
            from: None,
        };
        let what = format!("connectors in {language}");
        match Scaffold::write(&new).map(|scaffold| scaffold.missing()) {
            Ok(missing) if missing.is_empty() => checkup.fine(&what, "can be built"),
            Ok(missing) => {
                let missing: Vec<_> = missing
                    .into_iter()
                    .map(|m| format!("{} (`{}`)", m.what, m.install))
                    .collect();
                checkup.note(&what, format!("need {}; `new --install` does that", missing.join(", ")));
            }
            Err(e) => checkup.note(&what, e),
        }
    }
}

/// What a pipeline would not reach, and the disk that it writes to.
fn pipeline(checkup: &mut Checkup, args: &args::Doctor) -> Result<(), Failure> {
    let loaded = danube_wasm_host::read(&args.files).map_err(Failure::configuration)?;
    disk(checkup, "data_dir", &loaded.pipeline.data_dir);
    let reached = crate::runtime()?.block_on(probe::everything(&loaded.pipeline))?;
    for Finding { what, outcome } in reached {
        match outcome {
            Outcome::Reached => checkup.fine(&what, "reached"),
            Outcome::Awaited(why) | Outcome::Unknown(why) => checkup.note(&what, why),
            Outcome::Failed(why) => checkup.problem(&what, why),
        }
    }
    Ok(())
}

fn disk(checkup: &mut Checkup, what: &str, folder: &Path) {
    // A folder that is not made yet is made on its nearest parent's disk.
    let Some(there) = folder.ancestors().find(|folder| folder.exists()) else {
        return disk(checkup, what, Path::new("."));
    };
    let what = format!("disk of {what} ({})", folder.display());
    match statvfs(there) {
        Ok(disk) => {
            let free = disk.blocks_available().saturating_mul(disk.fragment_size());
            let told = format!("{} MiB free", free >> 20);
            match free >= DISK_MIN_BYTES {
                true => checkup.fine(&what, told),
                false => checkup.note(
                    &what,
                    format!("{told}: the log stops taking events before the disk is full"),
                ),
            }
        }
        Err(e) => checkup.problem(&what, e),
    }
}
