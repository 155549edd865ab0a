//! The compiler's side of the pipe: limits itself, reads a component, writes its artifact.
//!
//! What the parent sends first is [`Request::BYTES`] bytes of limits, then the component up to the end.

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use nix::sys::resource::{Resource, setrlimit};

use crate::{engine, limits::CompileLimits, priority};

/// Exit code for a component that does not compile. Others mean that the child itself failed.
pub(crate) const EXIT_INVALID: u8 = 65;
const EXIT_TROUBLE: u8 = 70;

/// The limits that a child takes upon itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    cpu_s_max: u64,
    memory_bytes_max: u64,
}

impl Request {
    const BYTES: usize = 16;

    pub(crate) fn encode(limits: &CompileLimits) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&limits.cpu_s_max.to_le_bytes());
        bytes[8..].copy_from_slice(&limits.memory_bytes_max.to_le_bytes());
        bytes
    }

    fn read(mut from: impl Read) -> std::io::Result<Self> {
        let (mut cpu, mut memory) = ([0; 8], [0; 8]);
        from.read_exact(&mut cpu)?;
        from.read_exact(&mut memory)?;
        Ok(Self {
            cpu_s_max: u64::from_le_bytes(cpu),
            memory_bytes_max: u64::from_le_bytes(memory),
        })
    }

    /// The kernel enforces them from here on; the component cannot raise them.
    fn apply(self) -> nix::Result<()> {
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
        setrlimit(Resource::RLIMIT_CPU, self.cpu_s_max, self.cpu_s_max.saturating_add(1))?;
        setrlimit(Resource::RLIMIT_AS, self.memory_bytes_max, self.memory_bytes_max)
    }
}

/// The whole program of a compiling child: call it from a process of its own, and exit with what it returns.
pub fn main() -> ExitCode {
    let limited = Request::read(std::io::stdin()).map(Request::apply);
    if !matches!(limited, Ok(Ok(()))) {
        return fail(EXIT_TROUBLE, "the compiler was given no limits that it can keep");
    }
    priority::lower_priority_in_child();
    let mut component = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut component) {
        return fail(EXIT_TROUBLE, &format!("reading the component failed: {error}"));
    }
    let compiled = engine::compiling_engine().and_then(|engine| engine.precompile_component(&component));
    match compiled {
        Err(error) => fail(EXIT_INVALID, &format!("{error:#}")),
        Ok(artifact) => match std::io::stdout().write_all(&artifact) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(EXIT_TROUBLE, &format!("writing the artifact failed: {error}")),
        },
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    // Nothing can be done if writing the message fails.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(code)
}
