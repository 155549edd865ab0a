//! Compiling components, in a child process that has limits.
//!
//! How much time and memory compiling takes is up to the author of the component, so the compiler runs in a child
//! process with hard limits on CPU time, address space and files, and with an empty environment. The parent writes the
//! component to its standard input, reads the artifact from its standard output, and kills it at its deadline. The
//! parent then runs the machine code that the child made: the limits protect the machine from the compiler, they do not
//! make its output more trusted.

pub(crate) mod child;

use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

use crate::{engine, limits::CompileLimits, text::truncated};

/// Bytes of the compiler's complaint that are kept.
const COMPLAINT_BYTES_MAX: u64 = 4 << 10;

/// Where components are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In a child process: `program` with `args` must end up in [`child::main`].
    Child {
        /// The program, usually this process's own.
        program: PathBuf,
        /// What makes it call [`child::main`].
        args: Vec<String>,
    },
    /// In this process, without limits: for benchmarks and for components that are trusted.
    InProcess,
}

/// Why a component was not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The compiler refused it.
    #[error("`{file}` cannot be compiled: {message}")]
    Invalid {
        /// How the component was named.
        file: String,
        /// What the compiler said.
        message: String,
    },
    /// Compiling it took too much.
    #[error("compiling `{file}` was stopped: {limit}; build it smaller, or raise the limit")]
    Limit {
        /// How the component was named.
        file: String,
        /// Which limit, and what it is.
        limit: String,
    },
    /// The compiler crashed.
    #[error("compiling `{file}` crashed the compiler ({how}); report it with the component")]
    Crashed {
        /// How the component was named.
        file: String,
        /// The signal or exit code, and what it said.
        how: String,
    },
    /// The compiler could not be started or talked to.
    #[error("the compiler cannot be run: {message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
}

impl Compiler {
    /// Compiles. `file` is how messages name the component.
    pub(crate) async fn compile(
        &self,
        file: &str,
        component: &[u8],
        limits: &CompileLimits,
    ) -> Result<Vec<u8>, CompileError> {
        match self {
            Self::InProcess => engine::compiling_engine()
                .and_then(|engine| engine.precompile_component(component))
                .map_err(|error| CompileError::Invalid {
                    file: file.to_owned(),
                    message: format!("{error:#}"),
                }),
            Self::Child { program, args } => {
                let mut command = Command::new(program);
                command
                    .args(args)
                    .env_clear()
                    .current_dir("/")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .kill_on_drop(true);
                let child = command.spawn().map_err(|error| CompileError::Unavailable {
                    message: format!("starting `{}` failed: {error}", program.display()),
                })?;
                run(child, file, component, limits).await
            }
        }
    }
}

/// Exchanges data with the child until it ends or its deadline passes.
async fn run(mut child: Child, file: &str, component: &[u8], limits: &CompileLimits) -> Result<Vec<u8>, CompileError> {
    let talk = exchange(&mut child, component, limits);
    let (artifact, complaint, status) = match tokio::time::timeout(limits.wall_max, talk).await {
        Ok(talked) => talked.map_err(|error| CompileError::Unavailable {
            message: error.to_string(),
        })?,
        Err(_) => {
            // Dropping the child kills it as well; this also waits for it, so that no zombie is left.
            let _ = child.kill().await;
            return Err(CompileError::Limit {
                file: file.to_owned(),
                limit: format!("it took longer than {} s (`wall_max`)", limits.wall_max.as_secs()),
            });
        }
    };
    if status.success() {
        if artifact.len() > limits.artifact_bytes_max {
            return Err(CompileError::Limit {
                file: file.to_owned(),
                limit: format!(
                    "its code is over {} bytes (`artifact_bytes_max`)",
                    limits.artifact_bytes_max
                ),
            });
        }
        return Ok(artifact);
    }
    Err(diagnose(file, status, &complaint, limits))
}

async fn exchange(
    child: &mut Child,
    component: &[u8],
    limits: &CompileLimits,
) -> std::io::Result<(Vec<u8>, String, ExitStatus)> {
    let missing = || std::io::Error::other("a pipe to the compiler is missing");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let feed = async move {
        // A child that dies early closes the pipe; its exit status says why.
        if stdin.write_all(&child::Request::encode(limits)).await.is_ok() {
            let _ = stdin.write_all(component).await;
        }
        drop(stdin);
    };
    let past_the_limit = u64::try_from(limits.artifact_bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let ((), artifact, complaint) = tokio::join!(feed, read(stdout, past_the_limit), read(stderr, COMPLAINT_BYTES_MAX));
    let status = child.wait().await?;
    let complaint = String::from_utf8_lossy(&complaint?).trim().to_owned();
    Ok((artifact?, truncated(complaint, 1 << 10), status))
}

/// Reads so many bytes, then closes the pipe, which ends a child that still writes.
async fn read(pipe: impl AsyncRead + Unpin, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(bytes_max).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// What an exit status means.
fn diagnose(file: &str, status: ExitStatus, complaint: &str, limits: &CompileLimits) -> CompileError {
    let file = file.to_owned();
    let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
    let out_of_memory = complaint.contains("memory allocation") || complaint.contains("os error 12");
    match (status.code(), signal) {
        _ if out_of_memory => CompileError::Limit {
            file,
            limit: format!(
                "it took more than {} bytes of memory (`memory_bytes_max`)",
                limits.memory_bytes_max
            ),
        },
        (Some(code), _) if code == i32::from(child::EXIT_INVALID) => CompileError::Invalid {
            file,
            message: complaint.to_owned(),
        },
        (_, Some(Signal::SIGXCPU | Signal::SIGKILL)) => CompileError::Limit {
            file,
            limit: format!("it took more than {} s of CPU time (`cpu_s_max`)", limits.cpu_s_max),
        },
        _ => CompileError::Crashed {
            file,
            how: format!("{status}: {complaint}"),
        },
    }
}
