//! Compiling components, in a child process that has limits.
//!
//! How much time and memory compiling takes is up to the author of the component, so the compiler runs in a child
//! process with hard limits on CPU time, address space and files, and with an empty environment. The parent writes the
//! component to its standard input, reads the artifact from its standard output, and kills it if it hangs. The
//! parent then runs the machine code that the child made: the limits protect the machine from the compiler, they do not
//! make its output more trusted. That holds for the functions, too, that one compilation leaves to the next ones.

pub(crate) mod child;
pub(crate) mod functions;
mod tier;
mod wall_clock;

use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use danube_wasm_codes::Code;
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

pub(crate) use self::child::Response;
pub use self::tier::CompileTier;
use crate::{limits::CompileLimits, lines::LineTable, text::truncated};

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

/// What is compiled, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job<'a> {
    /// How messages name the component.
    pub(crate) file: &'a str,
    pub(crate) component: &'a [u8],
    pub(crate) limits: &'a CompileLimits,
    pub(crate) tier: CompileTier,
    /// Functions of earlier compilations, as packs. Nothing if none are looked up and none are kept.
    pub(crate) functions: Option<&'a [u8]>,
}

impl CompileError {
    /// The code of its page.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code::NotCompilable,
            Self::Limit { .. } => Code::CompileLimit,
            Self::Crashed { .. } => Code::CompilerCrashed,
            Self::Unavailable { .. } => Code::CompilerUnavailable,
        }
    }

    /// The compiler refused it, with these words.
    pub(crate) fn invalid(file: &str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.contains("component model async feature") {
            message.push_str(
                "; components of this contract are synchronous: build it with `--sync` (componentize-qjs), with \
                 `--backend-qjs-disable-async` (jco), or with `danube-wasm build`",
            );
        }
        Self::Invalid {
            file: file.to_owned(),
            message,
        }
    }
}

impl Compiler {
    /// Compiles.
    pub(crate) async fn compile(&self, job: Job<'_>) -> Result<Response, CompileError> {
        match self {
            Self::InProcess => child::compile(job.component, job.tier, None)
                .map_err(|error| CompileError::invalid(job.file, format!("{error:#}"))),
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
                run(child, job).await
            }
        }
    }
}

/// Exchanges data with the child until it ends or has to be stopped.
async fn run(mut child: Child, job: Job<'_>) -> Result<Response, CompileError> {
    let Job { file, limits, .. } = job;
    let pid = child.id();
    let talk = exchange(&mut child, job);
    let (output, complaint, status) = match wall_clock::within(pid, limits.wall_max, talk).await {
        Some(talked) => talked.map_err(|error| CompileError::Unavailable {
            message: error.to_string(),
        })?,
        None => {
            // Dropping the child kills it as well; this also waits for it, so that no zombie is left.
            let _ = child.kill().await;
            return Err(CompileError::Limit {
                file: file.to_owned(),
                limit: format!(
                    "it took longer than {} s without the time that it waited for a processor (`wall_max`)",
                    limits.wall_max.as_secs()
                ),
            });
        }
    };
    if !status.success() {
        return Err(diagnose(file, status, &complaint, limits));
    }
    let response = Response::read(output).ok_or_else(|| CompileError::Crashed {
        file: file.to_owned(),
        how: "it ended in the middle of its answer".into(),
    })?;
    if response.artifact.len() > limits.artifact_bytes_max {
        return Err(CompileError::Limit {
            file: file.to_owned(),
            limit: format!(
                "its code is over {} bytes (`artifact_bytes_max`)",
                limits.artifact_bytes_max
            ),
        });
    }
    Ok(response)
}

async fn exchange(child: &mut Child, job: Job<'_>) -> std::io::Result<(Vec<u8>, String, ExitStatus)> {
    let missing = || std::io::Error::other("a pipe to the compiler is missing");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let request = child::Request::encode(job.limits, job.tier, job.functions);
    let feed = async move {
        // A child that dies early closes the pipe; its exit status says why.
        for part in [&request[..], job.functions.unwrap_or_default(), job.component] {
            if stdin.write_all(part).await.is_err() {
                break;
            }
        }
        drop(stdin);
    };
    let output_max = Response::HEADER_BYTES
        + job.limits.artifact_bytes_max
        + LineTable::ENCODED_BYTES_MAX
        + functions::MADE_BYTES_MAX;
    let past_the_limit = u64::try_from(output_max).unwrap_or(u64::MAX).saturating_add(1);
    let ((), output, complaint) = tokio::join!(feed, read(stdout, past_the_limit), read(stderr, COMPLAINT_BYTES_MAX));
    let status = child.wait().await?;
    let complaint = String::from_utf8_lossy(&complaint?).trim().to_owned();
    Ok((output?, truncated(complaint, 1 << 10), status))
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
        (Some(code), _) if code == i32::from(child::EXIT_INVALID) => CompileError::invalid(&file, complaint),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_with_async_functions_is_told_how_to_be_built() {
        let said =
            CompileError::invalid("x.wasm", "`task.cancel` requires the component model async feature").to_string();
        assert!(
            said.starts_with("`x.wasm` cannot be compiled: `task.cancel` requires"),
            "{said}"
        );
        assert!(said.contains("build it with `--sync`"), "{said}");
        let said = CompileError::invalid("x.wasm", "type mismatch").to_string();
        assert!(!said.contains("--sync"), "{said}");
    }
}
