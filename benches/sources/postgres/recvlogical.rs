//! PostgreSQL's own client of logical slots.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use danube_wasm_benches::{Look, Round, child, watch};
use danube_wasm_testkit::servers::Server;

use crate::{MARK, PUBLICATION, server::Postgres};

/// Has it write a slot into a file, up to a place in the server's log.
pub(crate) fn round(postgres: &Postgres, slot: &str, end: &str, rows: u64) -> Result<Round> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = directory.path().join("messages");
    let since = Instant::now();
    let mut client = Server::start(&mut command(postgres, slot, end, &file));
    let mut cpu = Duration::ZERO;
    let round = watch(rows, since, || {
        // What it has used until it ends is known until then.
        cpu = child::cpu_of(&client.id().to_string())?;
        let done = match client.is_running() {
            false => rows,
            true => u64::from(fs::metadata(&file).is_ok_and(|file| file.len() > 0)),
        };
        Ok(Look { done, cpu })
    })?;
    let written = occurrences(&fs::read(&file)?, MARK.as_bytes());
    ensure!(written == rows, "the file has {written} rows, and {rows} were inserted");
    Ok(round)
}

fn command(postgres: &Postgres, slot: &str, end: &str, file: &Path) -> Command {
    let mut command = postgres.program("pg_recvlogical");
    command
        .args(["--slot", slot, "--start", "--no-loop", "--endpos", end])
        .args([
            "-o",
            "proto_version=1",
            "-o",
            &format!("publication_names={PUBLICATION}"),
        ])
        .arg("--file")
        .arg(file);
    command.stdout(Stdio::null());
    command
}

/// How often something is in bytes.
fn occurrences(bytes: &[u8], what: &[u8]) -> u64 {
    let places = bytes.windows(what.len()).filter(|window| *window == what);
    places.count() as u64
}
