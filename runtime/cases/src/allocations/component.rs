//! A copy of a component whose core modules count, and which exports the counts of all their instances.
//!
//! As in a module, everything is added at an end. Components within a component are done in the same way, and their counts are handed
//! on.

use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, ComponentAliasSection, ComponentExportKind,
    ComponentExportSection, ComponentTypeSection, ComponentValType, ExportKind, PrimitiveValType, RawSection,
};
use wasmparser::{
    BinaryReaderError, CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, ExternalKind, Instance, Parser, Payload,
};

use super::module;

/// A copy.
pub(super) struct CountingComponent {
    pub(super) bytes: Vec<u8>,
    /// The exports that say how much.
    pub(super) counters: Vec<Counter>,
    /// The functions that are counted, sorted, each once.
    pub(super) functions: Vec<String>,
}

/// The exports of one module's counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counter {
    /// How many allocations.
    pub(super) allocations: String,
    /// Of how many bytes.
    pub(super) bytes: String,
}

/// Makes the copy. It has no counters if no module has an allocator.
pub(super) fn counting(bytes: &[u8]) -> Result<CountingComponent, BinaryReaderError> {
    let mut copy = Copy::default();
    // Of the modules and components nested in this one, only the end matters.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if depth == 0 {
            copy.add(bytes, &payload)?;
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(copy.finish())
}

/// The copy so far, and what each of its indices is.
#[derive(Default)]
struct Copy {
    component: wasm_encoder::Component,
    functions: Vec<String>,
    /// Whether a module counts.
    modules: Vec<bool>,
    core_instances: Vec<bool>,
    /// What a component or an instance of it exports.
    components: Vec<Vec<Counter>>,
    instances: Vec<Vec<Counter>>,
    core_functions: u32,
    component_functions: u32,
    types: u32,
}

impl Copy {
    fn add(&mut self, bytes: &[u8], payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        let Some((id, range)) = payload.as_section() else {
            return Ok(());
        };
        let mut data = std::borrow::Cow::Borrowed(bytes.get(range).unwrap_or_default());
        match payload {
            Payload::ModuleSection { .. } => {
                let made = module::counting(&data)?;
                self.modules.push(made.is_some());
                if let Some(made) = made {
                    self.functions.extend(made.functions);
                    data = made.bytes.into();
                }
            }
            Payload::ComponentSection { .. } => {
                let made = counting(&data)?;
                self.functions.extend(made.functions);
                self.components.push(made.counters);
                data = made.bytes.into();
            }
            other => self.count(other)?,
        }
        self.component.section(&RawSection { id, data: &data });
        Ok(())
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    let counts = match instance? {
                        Instance::Instantiate { module_index, .. } => at(&self.modules, module_index),
                        Instance::FromExports(_) => false,
                    };
                    self.core_instances.push(counts);
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    let counters = match instance? {
                        ComponentInstance::Instantiate { component_index, .. } => at(&self.components, component_index),
                        ComponentInstance::FromExports(_) => Vec::new(),
                    };
                    self.instances.push(counters);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    match function? {
                        CanonicalFunction::Lift { .. } => self.component_functions += 1,
                        _ => self.core_functions += 1,
                    }
                }
            }
            Payload::ComponentTypeSection(section) => self.types += section.count(),
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.item(kind(&import?.ty));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    self.item(export?.kind);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::InstanceExport { kind, .. } => self.item(*kind),
            ComponentAlias::CoreInstanceExport {
                kind: ExternalKind::Func | ExternalKind::FuncExact,
                ..
            } => self.core_functions += 1,
            ComponentAlias::CoreInstanceExport { .. } => {}
            ComponentAlias::Outer { kind, .. } => match kind {
                ComponentOuterAliasKind::CoreModule => self.item(ComponentExternalKind::Module),
                ComponentOuterAliasKind::Type => self.item(ComponentExternalKind::Type),
                ComponentOuterAliasKind::Component => self.item(ComponentExternalKind::Component),
                ComponentOuterAliasKind::CoreType => {}
            },
        }
    }

    /// One more item of this kind, which counts nothing.
    fn item(&mut self, kind: ComponentExternalKind) {
        match kind {
            ComponentExternalKind::Module => self.modules.push(false),
            ComponentExternalKind::Func => self.component_functions += 1,
            ComponentExternalKind::Value => {}
            ComponentExternalKind::Type => self.types += 1,
            ComponentExternalKind::Instance => self.instances.push(Vec::new()),
            ComponentExternalKind::Component => self.components.push(Vec::new()),
        }
    }

    fn finish(mut self) -> CountingComponent {
        let lifted = self.lift_core();
        let handed_on = self.alias_instances();
        let functions: Vec<_> = lifted.chain(handed_on).collect();
        let mut exports = ComponentExportSection::new();
        let mut counters = Vec::new();
        for (n, pair) in functions.chunks_exact(2).enumerate() {
            let [allocations, bytes] = module::EXPORTS.map(|name| format!("{name}-n{n}"));
            for (name, function) in [&allocations, &bytes].into_iter().zip(pair) {
                exports.export(name.as_str(), ComponentExportKind::Func, *function, None);
            }
            counters.push(Counter { allocations, bytes });
        }
        if !counters.is_empty() {
            self.component.section(&exports);
        }
        self.functions.sort();
        self.functions.dedup();
        CountingComponent {
            bytes: self.component.finish(),
            counters,
            functions: self.functions,
        }
    }

    /// The counts of the instances of its own modules, as functions of the component.
    fn lift_core(&mut self) -> std::ops::Range<u32> {
        let mut aliases = ComponentAliasSection::new();
        let mut lifts = CanonicalFunctionSection::new();
        for (instance, _) in (0..).zip(&self.core_instances).filter(|(_, counts)| **counts) {
            for name in module::EXPORTS {
                let kind = ExportKind::Func;
                aliases.alias(Alias::CoreInstanceExport { instance, kind, name });
                let none: [CanonicalOption; 0] = [];
                lifts.lift(self.core_functions, self.types, none);
                self.core_functions += 1;
            }
        }
        let first = self.component_functions;
        self.component_functions += lifts.len();
        if !lifts.is_empty() {
            let mut types = ComponentTypeSection::new();
            let none: [(&str, ComponentValType); 0] = [];
            let number = ComponentValType::Primitive(PrimitiveValType::U64);
            types.function().params(none).result(Some(number));
            self.component.section(&types).section(&aliases).section(&lifts);
        }
        first..self.component_functions
    }

    /// The counts of the instances of components within it.
    fn alias_instances(&mut self) -> std::ops::Range<u32> {
        let mut aliases = ComponentAliasSection::new();
        for (instance, counters) in (0..).zip(&self.instances) {
            for name in counters
                .iter()
                .flat_map(|counter| [&counter.allocations, &counter.bytes])
            {
                let kind = ComponentExportKind::Func;
                aliases.alias(Alias::InstanceExport { instance, kind, name });
            }
        }
        let first = self.component_functions;
        self.component_functions += aliases.len();
        if !aliases.is_empty() {
            self.component.section(&aliases);
        }
        first..self.component_functions
    }
}

fn at<T: Clone + Default>(items: &[T], index: u32) -> T {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    items.get(index).cloned().unwrap_or_default()
}

fn kind(ty: &ComponentTypeRef) -> ComponentExternalKind {
    match ty {
        ComponentTypeRef::Module(_) => ComponentExternalKind::Module,
        ComponentTypeRef::Func(_) => ComponentExternalKind::Func,
        ComponentTypeRef::Value(_) => ComponentExternalKind::Value,
        ComponentTypeRef::Type(_) => ComponentExternalKind::Type,
        ComponentTypeRef::Instance(_) => ComponentExternalKind::Instance,
        ComponentTypeRef::Component(_) => ComponentExternalKind::Component,
    }
}
