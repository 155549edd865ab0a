//! A component's outline: the names of its imports and of the instances it exports, and what it is made of.

use wasmparser::{ComponentExternalKind, Encoding, KnownCustom, Parser, Payload, ProducersSectionReader};

use super::{
    CONTRACT_VERSION, Role, is_compatible,
    make::{Make, Producer},
};

/// Imports that a component may have. Far above what any toolchain makes; it bounds the list that is kept.
const IMPORTS_MAX: usize = 1_000;

/// That a file begins as a component does; else what it is instead, and what to do.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), String> {
    match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => Ok(()),
        Some(b"\0asm\x01\0\0\0") => Err(
            "it is a core module; build it for the target `wasm32-wasip2`, or wrap it with `wasm-tools component new`"
                .into(),
        ),
        Some([0, b'a', b's', b'm', ..]) => Err("it has a format version that this host does not know".into()),
        _ if bytes.is_empty() => Err("it is empty".into()),
        _ if bytes.trim_ascii_start().starts_with(b"(") => {
            Err("it is WebAssembly text; translate it with `wasm-tools parse`".into())
        }
        _ => Err("it does not begin as WebAssembly does; give the path of a `.wasm` file".into()),
    }
}

/// Producers of a component that are kept. Toolchains name about ten.
const PRODUCERS_MAX: usize = 100;

/// Names of imports, and of exported instances; what it is made of.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) imports: Vec<String>,
    pub(super) make: Make,
    exports: Vec<String>,
}

impl Outline {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut outline = Self::default();
        // Of the components and modules nested in this one, only the end matters.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|e| e.to_string())? {
                Payload::Version { encoding, .. } if depth == 0 && encoding == Encoding::Module => {
                    return Err("a core module".into());
                }
                Payload::ModuleSection { .. } => {
                    outline.make.core_modules += 1;
                    depth += 1;
                }
                Payload::ComponentSection { .. } => depth += 1,
                Payload::MemorySection(section) => {
                    for memory in section {
                        let pages = memory.map_err(|e| e.to_string())?.initial;
                        outline.make.add_memory(pages);
                    }
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        outline.make.producers.extend(read_producers(producers));
                        outline.make.producers.truncate(PRODUCERS_MAX);
                    }
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        outline
                            .imports
                            .push(import.map_err(|e| e.to_string())?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export.map_err(|e| e.to_string())?;
                        if export.kind == ComponentExternalKind::Instance {
                            outline.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
            if outline.imports.len() > IMPORTS_MAX || outline.exports.len() > IMPORTS_MAX {
                return Err(format!("more than {IMPORTS_MAX} imports or exports"));
            }
        }
        Ok(outline)
    }

    /// Whether it exports what fetches, too.
    pub(super) fn exports_poller(&self) -> bool {
        let named = |export: &String| {
            export
                .split_once('@')
                .is_some_and(|(name, _)| name == "danube:connector/poller")
        };
        self.exports.iter().any(named)
    }

    /// The one role that it exports, and the contract's version.
    pub(super) fn role(&self) -> Result<(Role, String), String> {
        let mut roles = Vec::new();
        for export in &self.exports {
            let Some((name, version)) = export.split_once('@') else {
                continue;
            };
            let role = match name {
                "danube:connector/source" => Role::Source,
                "danube:connector/sink" => Role::Sink,
                _ => continue,
            };
            if !is_compatible(version, CONTRACT_VERSION) {
                let (major, minor) = CONTRACT_VERSION;
                return Err(format!(
                    "it exports `{export}`, but this host speaks `danube:connector` {major}.{minor}; \
                     build it against that version, or use a host that speaks its own"
                ));
            }
            roles.push((role, version.to_owned()));
        }
        match roles.as_slice() {
            [one] => Ok(one.clone()),
            [] => {
                let exports = if self.exports.is_empty() {
                    "it exports no interface".to_owned()
                } else {
                    let names: Vec<_> = self.exports.iter().take(5).map(|name| format!("`{name}`")).collect();
                    format!("it exports {}", names.join(", "))
                };
                Err(format!(
                    "{exports}; build it for the world `source-connector` or `sink-connector` of `danube:connector`"
                ))
            }
            _ => Err("it exports both `source` and `sink`; build one component for each".into()),
        }
    }
}

/// What a producers section says. It is metadata: what of it cannot be read is left out.
fn read_producers(section: ProducersSectionReader<'_>) -> Vec<Producer> {
    let fields = section.into_iter().map_while(Result::ok);
    let producers = fields.flat_map(|field| {
        let values = field.values.into_iter().map_while(Result::ok).take(PRODUCERS_MAX);
        values
            .map(|value| Producer::new(field.name, value.name, value.version))
            .collect::<Vec<_>>()
    });
    producers.take(PRODUCERS_MAX).collect()
}
