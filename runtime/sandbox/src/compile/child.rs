//! The compiler's side of the pipe: limits itself, reads a component, writes its artifact.
//!
//! What the parent sends first is [`Request::BYTES`] bytes: limits, tier, and the length of the packs of functions, which
//! follow. Then comes the component, up to the end. The answer is a [`Response`].

use std::{
    io::{Read, Write},
    process::ExitCode,
    sync::Arc,
};

use nix::sys::{
    prctl::set_pdeathsig,
    resource::{Resource, setrlimit},
    signal::Signal,
};

use super::{functions::FunctionStore, tier::CompileTier};
use crate::{engine, limits::CompileLimits, lines::LineTable, priority};

/// Exit code for a component that does not compile. Others mean that the child itself failed.
pub(crate) const EXIT_INVALID: u8 = 65;
const EXIT_TROUBLE: u8 = 70;

/// The limits that a child takes upon itself, and how it compiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    cpu_s_max: u64,
    memory_bytes_max: u64,
    /// Nothing if functions are not to be looked up.
    packs_bytes: Option<u64>,
    tier: CompileTier,
}

impl Request {
    const BYTES: usize = 26;

    /// `packs` is nothing where functions are not to be looked up.
    pub(crate) fn encode(limits: &CompileLimits, tier: CompileTier, packs: Option<&[u8]>) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&limits.cpu_s_max.to_le_bytes());
        bytes[8..16].copy_from_slice(&limits.memory_bytes_max.to_le_bytes());
        let packs_bytes = packs.map_or(0, <[u8]>::len);
        bytes[16..24].copy_from_slice(&u64::try_from(packs_bytes).unwrap_or(0).to_le_bytes());
        bytes[24] = u8::from(packs.is_some());
        bytes[25] = tier.to_byte();
        bytes
    }

    fn read(mut from: impl Read) -> std::io::Result<Self> {
        let [cpu_s_max, memory_bytes_max, packs_bytes] = read_numbers(&mut from)?;
        let mut flags = [0; 2];
        from.read_exact(&mut flags)?;
        Ok(Self {
            cpu_s_max,
            memory_bytes_max,
            packs_bytes: (flags[0] == 1).then_some(packs_bytes),
            tier: CompileTier::from_byte(flags[1]),
        })
    }

    /// The kernel enforces them from here on; the component cannot raise them.
    fn apply(self) -> nix::Result<()> {
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
        setrlimit(Resource::RLIMIT_CPU, self.cpu_s_max, self.cpu_s_max.saturating_add(1))?;
        setrlimit(Resource::RLIMIT_AS, self.memory_bytes_max, self.memory_bytes_max)
    }

    /// Reads the packs that follow, if functions are to be looked up.
    fn read_functions(self, from: impl Read) -> std::io::Result<Option<Arc<FunctionStore>>> {
        let Some(packs_bytes) = self.packs_bytes else {
            return Ok(None);
        };
        let mut packs = Vec::new();
        from.take(packs_bytes).read_to_end(&mut packs)?;
        Ok(Some(Arc::new(FunctionStore::new(packs))))
    }
}

/// What a child makes of a component.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Response {
    /// The component's code.
    pub(crate) artifact: Vec<u8>,
    /// The functions that it compiled, for later compilations.
    pub(crate) made: Vec<u8>,
    /// The lines of its source, as [`LineTable::encode`] makes them; empty if it has no debug information.
    pub(crate) lines: Vec<u8>,
    /// Functions that earlier compilations had left.
    pub(crate) reused: u64,
    /// Functions that it compiled.
    pub(crate) compiled: u64,
}

impl Response {
    /// Bytes before the artifact.
    pub(crate) const HEADER_BYTES: usize = 32;

    fn write(&self, mut to: impl Write) -> std::io::Result<()> {
        let [artifact_bytes, lines_bytes] =
            [&self.artifact, &self.lines].map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX));
        for number in [artifact_bytes, lines_bytes, self.reused, self.compiled] {
            to.write_all(&number.to_le_bytes())?;
        }
        to.write_all(&self.artifact)?;
        to.write_all(&self.lines)?;
        to.write_all(&self.made)
    }

    /// From what a child wrote. Nothing if that is cut short.
    pub(crate) fn read(mut bytes: Vec<u8>) -> Option<Self> {
        let [artifact_bytes, lines_bytes, reused, compiled] = read_numbers(bytes.as_slice()).ok()?;
        let artifact_end = Self::HEADER_BYTES.checked_add(usize::try_from(artifact_bytes).ok()?)?;
        let lines_end = artifact_end.checked_add(usize::try_from(lines_bytes).ok()?)?;
        if lines_end > bytes.len() {
            return None;
        }
        let made = bytes.split_off(lines_end);
        let lines = bytes.split_off(artifact_end);
        bytes.drain(..Self::HEADER_BYTES);
        Some(Self {
            artifact: bytes,
            made,
            lines,
            reused,
            compiled,
        })
    }
}

fn read_numbers<const N: usize>(mut from: impl Read) -> std::io::Result<[u64; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes)?;
        *number = u64::from_le_bytes(bytes);
    }
    Ok(numbers)
}

/// The whole program of a compiling child: call it from a process of its own, and exit with what it returns.
pub fn main() -> ExitCode {
    // Nobody waits for its work when the host has ended, or given up the load. If this fails it works to no purpose.
    let _ = set_pdeathsig(Signal::SIGKILL);
    let request = Request::read(std::io::stdin());
    let limited = request.as_ref().map(|request| request.apply());
    let (Ok(request), Ok(Ok(()))) = (&request, limited) else {
        return fail(EXIT_TROUBLE, "the compiler was given no limits that it can keep");
    };
    priority::lower_priority_in_child();
    let mut component = Vec::new();
    let functions = request.read_functions(std::io::stdin());
    let functions = functions.and_then(|functions| std::io::stdin().read_to_end(&mut component).map(|_| functions));
    let functions = match functions {
        Ok(functions) => functions,
        Err(error) => return fail(EXIT_TROUBLE, &format!("reading the component failed: {error}")),
    };
    match compile(&component, request.tier, functions) {
        Err(error) => fail(EXIT_INVALID, &format!("{error:#}")),
        Ok(response) => match response.write(std::io::stdout()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(EXIT_TROUBLE, &format!("writing the artifact failed: {error}")),
        },
    }
}

/// Compiles in this process.
pub(crate) fn compile(
    component: &[u8],
    tier: CompileTier,
    functions: Option<Arc<FunctionStore>>,
) -> wasmtime::Result<Response> {
    let lines = LineTable::read(component);
    let engine = engine::compiling_engine(tier, functions.clone(), lines.is_some())?;
    let artifact = engine.precompile_component(component)?;
    let (reused, compiled) = functions.as_ref().map_or((0, 0), |functions| functions.counts());
    Ok(Response {
        artifact,
        made: functions.map(|functions| functions.take_made()).unwrap_or_default(),
        lines: lines.as_ref().map(LineTable::encode).unwrap_or_default(),
        reused,
        compiled,
    })
}

fn fail(code: u8, message: &str) -> ExitCode {
    // Nothing can be done if writing the message fails.
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_read_as_it_was_written_and_not_if_it_is_cut_short() {
        let response = Response {
            artifact: vec![1, 2, 3],
            made: vec![4, 5],
            lines: vec![8],
            reused: 6,
            compiled: 7,
        };
        let mut written = Vec::new();
        response.write(&mut written).unwrap();
        for cut in 0..Response::HEADER_BYTES + 4 {
            assert_eq!(Response::read(written[..cut].to_vec()), None, "{cut}");
        }
        assert_eq!(Response::read(written), Some(response));
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let limits = CompileLimits::default();
        for (tier, packs) in [
            (CompileTier::Baseline, None),
            (CompileTier::Optimized, Some(&b"abc"[..])),
        ] {
            let request = Request::read(&Request::encode(&limits, tier, packs)[..]).unwrap();
            let wanted = Request {
                cpu_s_max: limits.cpu_s_max,
                memory_bytes_max: limits.memory_bytes_max,
                packs_bytes: packs.map(|_| 3),
                tier,
            };
            assert_eq!(request, wanted);
        }
    }
}
