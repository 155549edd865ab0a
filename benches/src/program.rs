//! The real program as a child process: what is measured is what is shipped, sockets, files and all.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::child::cpu_of;

/// How the program is built that benchmarks run.
const BUILD: &str = "make bench-program";

/// Longest wait for the program to run, and for its end.
const DEADLINE: Duration = Duration::from_secs(120);

/// Between two looks at the same.
const PAUSE: Duration = Duration::from_millis(20);

/// A pipeline that runs. Dropping it kills it.
pub struct Program {
    process: Child,
    /// What it logs, a line of JSON each.
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    admin: String,
}

impl Program {
    /// The executable: what `DANUBE_WASM` says, else the one beside this benchmark.
    pub fn path() -> Result<PathBuf> {
        let path = match std::env::var_os("DANUBE_WASM") {
            Some(path) => PathBuf::from(path),
            // A benchmark is in `deps` of the folder that programs are in.
            None => std::env::current_exe()?
                .ancestors()
                .nth(2)
                .context("no target directory")?
                .join("danube-wasm"),
        };
        ensure!(
            path.exists(),
            "{} is not there; build it with `{BUILD}`, or name another one in DANUBE_WASM",
            path.display()
        );
        Ok(path)
    }

    /// Writes a pipeline file into a directory and runs it there, until everything has started. The file has
    /// `[admin] port = 0`.
    pub fn start(pipeline: &str, directory: &Path) -> Result<Self> {
        let file = directory.join("pipeline.toml");
        std::fs::write(&file, pipeline)?;
        let path = Self::path()?;
        let mut process = Command::new(&path)
            .arg("run")
            .arg(&file)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", path.display()))?;
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let reader = process.stderr.take().map(|log| keep(log, lines.clone()));
        let mut program = Self {
            process,
            lines,
            reader,
            admin: String::new(),
        };
        program.admin = program.wait_for("running", "admin")?;
        Ok(program)
    }

    /// The address of its admin port.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// A value of the first log line with this message, if there is one.
    pub fn said(&self, message: &str, key: &str) -> Option<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |line: &&String| text_of(line, "message").is_some_and(|found| found == message);
        text_of(lines.iter().find(is_it)?, key).map(str::to_owned)
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// All metrics, as the admin port gives them.
    pub fn metrics(&self) -> Result<String> {
        let mut stream = TcpStream::connect(&self.admin)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, metrics) = answer.split_once("\r\n\r\n").context("no answer")?;
        Ok(metrics.to_owned())
    }

    /// The sum of all series that begin with this: a metric's name, or with `{connector="pipeline/name"` behind it.
    pub fn metric(&self, series: &str) -> Result<f64> {
        let metrics = self.metrics()?;
        let lines = metrics.lines().filter(|line| line.starts_with(series));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        Ok(values.sum())
    }

    /// Waits until a metric has a value, or a larger one.
    pub fn wait_until(&mut self, series: &str, value: f64, within: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            self.check_alive()?;
            let is = self.metric(series)?;
            if is >= value {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < within,
                "`{series}` is {is} and not {value} after {within:?}:\n{}",
                self.log()
            );
            std::thread::park_timeout(PAUSE);
        }
    }

    /// CPU time that it has used, in user and kernel mode, over all its threads; not that of compiling components, which
    /// is done by a process of its own.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.process.id().to_string())
    }

    /// Tells it to end, and waits until it has finished what was under way.
    pub fn stop(mut self) -> Result<()> {
        let told = Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status()?;
        ensure!(told.success(), "the program has ended already:\n{}", self.log());
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            ensure!(begun.elapsed() < DEADLINE, "it does not end:\n{}", self.log());
            std::thread::park_timeout(PAUSE);
        };
        ensure!(status.success(), "it failed with {status}:\n{}", self.log());
        Ok(())
    }

    fn wait_for(&mut self, message: &str, key: &str) -> Result<String> {
        let begun = Instant::now();
        loop {
            if let Some(value) = self.said(message, key) {
                return Ok(value);
            }
            self.check_alive()?;
            ensure!(
                begun.elapsed() < DEADLINE,
                "it does not say `{message}`:\n{}",
                self.log()
            );
            std::thread::park_timeout(PAUSE);
        }
    }

    fn check_alive(&mut self) -> Result<()> {
        match self.process.try_wait()? {
            Some(status) => self.ended(status),
            None => Ok(()),
        }
    }

    fn ended(&mut self, status: ExitStatus) -> Result<()> {
        // Its last lines, too.
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        bail!("the program ended early with {status}:\n{}", self.log())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads the log to its end.
fn keep(log: ChildStderr, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}

/// The text of a key in a line of JSON. Of what is asked for here, none needs an escape.
fn text_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("\"{key}\":\""))?;
    rest.split_once('"').map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_a_line_of_the_log() {
        let line = r#"{"level":"INFO","message":"running","admin":"127.0.0.1:9090"}"#;
        assert_eq!(text_of(line, "admin"), Some("127.0.0.1:9090"));
        assert_eq!(text_of(line, "address"), None);
    }
}
