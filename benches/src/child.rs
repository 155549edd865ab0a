//! One side of a comparison as a process of its own, so that its CPU time is known and nothing of the other side is in
//! it: this same program, started again with a role as its first argument.
//!
//! The child says on standard output, line by line, what the parent waits for; when its standard input ends, it ends,
//! and its last line is its account of what it did.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

/// Clock ticks of `/proc/PID/stat` in a second: 100 on every Linux that Rust's standard library supports.
const TICKS_PER_S: u64 = 100;

/// A running child. Dropping it kills it.
pub struct Child {
    role: String,
    process: std::process::Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts this program in a role.
    pub fn start(role: &str, arguments: &[&str]) -> Result<Self> {
        Self::start_program(&std::env::current_exe()?, role, arguments)
    }

    /// Starts another build of this program in a role.
    pub fn start_program(program: &Path, role: &str, arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(program)
            .arg(role)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{} {role}` cannot be started", program.display()))?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("no standard output")?;
        Ok(Self {
            role: role.to_owned(),
            process,
            input,
            output: BufReader::new(output),
        })
    }

    /// The role of this process, if it was started by [`Self::start`].
    pub fn role() -> Option<String> {
        std::env::args().nth(1).filter(|argument| !argument.starts_with('-'))
    }

    /// The next line that it says.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let bytes = self.output.read_line(&mut line)?;
        ensure!(bytes > 0, "`{}` ended early; what it printed says why", self.role);
        Ok(line.trim_end().to_owned())
    }

    /// CPU time that it has used, in user and kernel mode, over all its threads.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.process.id().to_string())
    }

    /// Tells it to end, waits, and gives its last line.
    pub fn finish(mut self) -> Result<String> {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest)?;
        let status = self.process.wait()?;
        ensure!(status.success(), "`{}` failed with {status}", self.role);
        rest.lines()
            .last()
            .map(str::to_owned)
            .with_context(|| format!("`{}` gave no account", self.role))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// CPU time that this process has used, likewise.
pub fn own_cpu() -> Result<Duration> {
    cpu_of("self")
}

/// CPU time that a process has used, by its id.
pub fn cpu_of(process: &str) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may contain anything; after it come fields 3 and on, of which 14 and 15 are wanted.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: Vec<u64> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    let &[user, system] = &ticks[..] else {
        bail!("/proc/PID/stat has no times: {stat}")
    };
    Ok(Duration::from_millis((user + system) * (1000 / TICKS_PER_S)))
}

/// In a child: blocks until the parent says that it is over.
pub fn wait_for_parent() {
    // An error means that the parent is gone, which says the same.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// The value of `name` in an account such as `requests=3 bytes=255`.
pub fn field(account: &str, name: &str) -> Result<f64> {
    let value = account
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name);
    let (_, value) = value.with_context(|| format!("`{name}` is not in `{account}`"))?;
    Ok(value.parse()?)
}
