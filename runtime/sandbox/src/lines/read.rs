//! Reads a component's debug information, in the compiling child.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use addr2line::{
    Context, Frame,
    gimli::{self, EndianSlice, LittleEndian},
};
use wasmparser::{Parser, Payload};

use super::{LineTable, NOTHING, Place, demangled, printable};
use crate::text::truncated;

/// Bytes of a module's debug information that are read: reading them may not cost more than compiling.
const DEBUG_BYTES_MAX: usize = 64 << 20;
/// Pieces of code that a table has at most; what comes later has no lines.
const PIECES_MAX: usize = 1_000_000;
/// Bytes of a file's name.
const FILE_BYTES_MAX: usize = 256;
/// Places of a chain: functions inlined into each other.
const CHAIN_MAX: usize = 16;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

pub(super) fn read(component: &[u8]) -> LineTable {
    let mut builder = Builder::default();
    for module in modules(component) {
        // What is not well formed has no lines; it is the component's own loss.
        let _ = builder.add(&module);
    }
    builder.table.pieces.sort_unstable();
    builder.table.pieces.dedup_by_key(|(start, _)| *start);
    builder.table
}

/// A core module of a component.
#[derive(Default)]
struct Module<'a> {
    /// Where the content of its code section is in the component's file: what addresses of debug information begin at.
    code: std::ops::Range<usize>,
    sections: HashMap<&'a str, &'a [u8]>,
}

/// The modules of a component that have code and debug information.
fn modules(component: &[u8]) -> Vec<Module<'_>> {
    let mut modules = vec![Module::default()];
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::Version { .. }) => modules.push(Module::default()),
            Ok(Payload::CodeSectionStart { range, .. }) => modules.last_mut().into_iter().for_each(|module| {
                module.code = range.start..range.end;
            }),
            Ok(Payload::CustomSection(section)) if section.name().starts_with(".debug_") => {
                modules.last_mut().into_iter().for_each(|module| {
                    module.sections.insert(section.name(), section.data());
                });
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    modules.retain(|module| !module.code.is_empty() && !module.sections.is_empty());
    modules
}

/// Numbers things, equal ones alike.
struct Interner<T>(HashMap<T, u32>);

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn number(&mut self, of: T, list: &mut Vec<T>) -> u32 {
        *self.0.entry(of).or_insert_with_key(|of| {
            list.push(of.clone());
            u32::try_from(list.len() - 1).unwrap_or(NOTHING)
        })
    }
}

#[derive(Default)]
struct Builder {
    table: LineTable,
    texts: Interner<String>,
    chains: Interner<Vec<Place>>,
}

impl Builder {
    fn add(&mut self, module: &Module<'_>) -> gimli::Result<()> {
        let bytes: usize = module.sections.values().map(|section| section.len()).sum();
        if bytes > DEBUG_BYTES_MAX {
            return Ok(());
        }
        let section = |id: gimli::SectionId| {
            let section = module.sections.get(id.name()).copied().unwrap_or_default();
            Ok::<_, gimli::Error>(EndianSlice::new(section, LittleEndian))
        };
        let dwarf = gimli::Dwarf::load(section)?;
        let roots = roots(&dwarf)?;
        let context = Context::from_dwarf(dwarf)?;
        for address in addresses(&context, module.code.len())? {
            let chain = self.chain(&context, address, &roots)?;
            let start = u64::try_from(module.code.start)
                .unwrap_or(u64::MAX)
                .saturating_add(address);
            let Ok(start) = u32::try_from(start) else { break };
            if self.table.pieces.len() >= PIECES_MAX {
                break;
            }
            self.table.pieces.push((start, chain));
        }
        Ok(())
    }

    fn chain(&mut self, context: &Context<Reader<'_>>, address: u64, roots: &[String]) -> gimli::Result<u32> {
        let mut frames = context.find_frames(address).skip_all_loads()?;
        let mut chain = Vec::new();
        while let Some(frame) = frames.next()? {
            if chain.len() < CHAIN_MAX {
                chain.extend(self.place(&frame, roots));
            }
        }
        Ok(match chain.is_empty() {
            true => NOTHING,
            false => self.chains.number(chain, &mut self.table.chains),
        })
    }

    fn place(&mut self, frame: &Frame<'_, Reader<'_>>, roots: &[String]) -> Option<Place> {
        let location = frame.location.as_ref()?;
        let (file, line) = (location.file?, location.line?);
        let function = frame
            .function
            .as_ref()
            .and_then(|name| Some(demangled(&name.raw_name().ok()?)));
        let texts = &mut self.table.texts;
        Some(Place {
            function: function.map(|name| self.texts.number(name, texts)),
            file: self
                .texts
                .number(truncated(printable(shown(file, roots)), FILE_BYTES_MAX), texts),
            line,
            column: location.column.unwrap_or(0),
        })
    }
}

/// Where pieces of code of different lines begin and end, up to the end of the code. Code that the linker has left out
/// keeps its lines, at addresses behind the end.
fn addresses(context: &Context<Reader<'_>>, code_bytes: usize) -> gimli::Result<BTreeSet<u64>> {
    let end = u64::try_from(code_bytes).unwrap_or(u64::MAX);
    let mut addresses = BTreeSet::new();
    for (start, bytes, _) in context.find_location_range(0, end)? {
        addresses.extend([start, start.saturating_add(bytes)]);
        if addresses.len() >= PIECES_MAX {
            break;
        }
    }
    addresses.retain(|address| *address < end);
    Ok(addresses)
}

/// The directories in which the compiler ran, which say nothing to a reader of the component's own files.
fn roots(dwarf: &gimli::Dwarf<Reader<'_>>) -> gimli::Result<Vec<String>> {
    let mut roots = BTreeSet::new();
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        let unit = dwarf.unit(header)?;
        let root = unit
            .comp_dir
            .map(|root| root.to_string_lossy().trim_end_matches('/').to_owned());
        roots.extend(root.filter(|root| !root.is_empty()));
    }
    // The longest first.
    Ok(roots.into_iter().rev().collect())
}

/// A file as people name it: within its package, not from the root of the machine that built it.
fn shown<'f>(file: &'f str, roots: &[String]) -> &'f str {
    if let Some((_, of_registry)) = file.split_once("/registry/src/") {
        return of_registry.split_once('/').map_or(of_registry, |(_, file)| file);
    }
    if let Some((_, of_std)) = file.split_once("/library/").filter(|_| file.contains("rust")) {
        return of_std;
    }
    let within = roots
        .iter()
        .find_map(|root| file.strip_prefix(root.as_str())?.strip_prefix('/'));
    within.unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_within_their_packages() {
        let roots = ["/home/me/orders".to_owned()];
        let pairs = [
            ("/home/me/orders/src/lib.rs", "src/lib.rs"),
            ("/home/me/orders-2/src/lib.rs", "/home/me/orders-2/src/lib.rs"),
            (
                "/home/me/.cargo/registry/src/index.example-1949cf8c6b5b557f/serde_json-1.0.1/src/de.rs",
                "serde_json-1.0.1/src/de.rs",
            ),
            (
                "/rustc/29483883eed69d5fb4db01964cdf2af4d86e9cb2/library/core/src/option.rs",
                "core/src/option.rs",
            ),
        ];
        for (file, wanted) in pairs {
            assert_eq!(shown(file, &roots), wanted);
        }
    }

    #[test]
    fn what_is_no_component_has_no_lines() {
        for bytes in [&b"no component"[..], b"\0asm", b"\0asm\x01\0\0\0"] {
            assert_eq!(LineTable::read(bytes), None, "{bytes:?}");
        }
    }
}
