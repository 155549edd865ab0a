//! A copy of a core module whose allocators count.
//!
//! Everything is added at an end, so that no index changes: an allocator's body goes to a new function, and in its place is one that
//! counts and calls that.

use std::{collections::BTreeMap, ops::Range};

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Encode as _, ExportKind, Function, GlobalType, MemArg, Module, RawSection,
    SectionId, ValType,
};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ExternalKind, FuncType, KnownCustom, Name, Parser, Payload, TypeRef,
};

use super::names::{self, Allocator, Size};

/// The exports of a copy.
pub(super) const EXPORTS: [&str; 2] = ["danube-allocations", "danube-allocated-bytes"];

/// A function without parameters that returns a number of 64 bits.
const GETTER_TYPE: [u8; 4] = [0x60, 0, 1, 0x7e];

/// A copy, and the allocators that it counts.
pub(super) struct CountingModule {
    pub(super) bytes: Vec<u8>,
    pub(super) functions: Vec<String>,
}

/// Makes the copy; `None` if no function of its own is an allocator.
pub(super) fn counting(bytes: &[u8]) -> Result<Option<CountingModule>, BinaryReaderError> {
    let outline = Outline::read(bytes)?;
    let allocators = outline.allocators();
    if allocators.is_empty() {
        return Ok(None);
    }
    let mut functions: Vec<_> = allocators.values().map(|(name, _)| name.clone()).collect();
    functions.sort();
    functions.dedup();
    let copy = Copy {
        outline: &outline,
        allocators: &allocators,
    };
    Ok(Some(CountingModule {
        bytes: copy.write(bytes)?,
        functions,
    }))
}

/// By function.
type Allocators = BTreeMap<u32, (String, Allocator)>;

/// What must be known before the copy is written.
#[derive(Default)]
struct Outline<'a> {
    /// Whether a type is that of a function, and of which.
    types: Vec<Option<FuncType>>,
    imported_functions: u32,
    imports_allocator: bool,
    /// Types of its own functions.
    functions: Vec<u32>,
    globals: u32,
    names: Vec<(u32, &'a str)>,
}

impl<'a> Outline<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut outline = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(groups) => {
                    for group in groups {
                        let of = |inner: &CompositeInnerType| match inner {
                            CompositeInnerType::Func(function) => Some(function.clone()),
                            _ => None,
                        };
                        let types = group?.into_types();
                        outline.types.extend(types.map(|ty| of(&ty.composite_type.inner)));
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        outline.import(import.name, import.ty);
                    }
                }
                Payload::FunctionSection(functions) => {
                    outline.functions = functions.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::GlobalSection(globals) => outline.globals += globals.count(),
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            outline.names.push((export.index, export.name));
                        }
                    }
                }
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Name(sections) = custom.as_known() {
                        outline.name(sections);
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    fn import(&mut self, name: &str, ty: TypeRef) {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                self.imported_functions += 1;
                self.imports_allocator |= names::find(name).is_some();
            }
            TypeRef::Global(_) => self.globals += 1,
            _ => {}
        }
    }

    /// The names of functions, as far as they can be read: an engine does not mind the others either.
    fn name(&mut self, sections: wasmparser::NameSectionReader<'a>) {
        for section in sections.into_iter().map_while(Result::ok) {
            if let Name::Function(functions) = section {
                let named = functions.into_iter().map_while(Result::ok);
                self.names.extend(named.map(|naming| (naming.index, naming.name)));
            }
        }
    }

    fn allocators(&self) -> Allocators {
        if self.imports_allocator {
            return Allocators::new();
        }
        let named = self.names.iter().filter_map(|(function, name)| {
            let (name, allocator) = names::find(name)?;
            let ty = self.type_of(*function)?;
            let fits = ty.params().len() == allocator.params
                && ty.params().iter().all(|param| *param == wasmparser::ValType::I32);
            fits.then_some((*function, (name, allocator)))
        });
        named.collect()
    }

    /// The type of one of its own functions.
    fn type_of(&self, function: u32) -> Option<&FuncType> {
        let own = function.checked_sub(self.imported_functions)?;
        let ty = self.functions.get(usize::try_from(own).ok()?)?;
        self.types.get(usize::try_from(*ty).ok()?)?.as_ref()
    }

    fn functions_end(&self) -> u32 {
        self.imported_functions + count(&self.functions)
    }
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

struct Copy<'a> {
    outline: &'a Outline<'a>,
    allocators: &'a Allocators,
}

impl Copy<'_> {
    fn write(&self, bytes: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
        let mut module = Module::new();
        let mut has_globals = false;
        let mut bodies = Vec::new();
        let own = self.outline.functions.len();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let Payload::CodeSectionEntry(body) = &payload {
                bodies.push(body.range());
                if bodies.len() == own {
                    module.section(&self.code(bytes, &bodies));
                }
                continue;
            }
            let Some((id, range)) = payload.as_section() else {
                continue;
            };
            let old = bytes.get(range).unwrap_or_default();
            if id == u8::from(SectionId::Global) {
                has_globals = true;
            } else if id == u8::from(SectionId::Export) && !has_globals {
                raw(&mut module, SectionId::Global.into(), &self.globals(&[0]));
            }
            match &payload {
                Payload::TypeSection(_) => raw(&mut module, id, &appended(old, 1, &GETTER_TYPE)),
                Payload::FunctionSection(_) => raw(&mut module, id, &self.functions(old)),
                Payload::GlobalSection(_) => raw(&mut module, id, &self.globals(old)),
                Payload::ExportSection(_) => raw(&mut module, id, &self.exports(old)),
                Payload::CodeSectionStart { .. } => {}
                // Its addresses are those of the old code.
                Payload::CustomSection(custom) if custom.name().starts_with(".debug_") => {}
                _ => raw(&mut module, id, old),
            }
        }
        Ok(module.finish())
    }

    /// Those of its own, then for each allocator that which has its body, then those that say the counts.
    fn functions(&self, old: &[u8]) -> Vec<u8> {
        let mut more = Vec::new();
        for function in self.allocators.keys() {
            let own = usize::try_from(function - self.outline.imported_functions).unwrap_or(usize::MAX);
            self.outline
                .functions
                .get(own)
                .copied()
                .unwrap_or_default()
                .encode(&mut more);
        }
        for _ in EXPORTS {
            count(&self.outline.types).encode(&mut more);
        }
        appended(old, count(&EXPORTS) + self.moved(), &more)
    }

    fn moved(&self) -> u32 {
        u32::try_from(self.allocators.len()).unwrap_or(u32::MAX)
    }

    /// Calls, bytes, and how many calls of allocators are under way.
    fn globals(&self, old: &[u8]) -> Vec<u8> {
        let mut more = Vec::new();
        let global = |val_type| GlobalType {
            val_type,
            mutable: true,
            shared: false,
        };
        for _ in EXPORTS {
            global(ValType::I64).encode(&mut more);
            ConstExpr::i64_const(0).encode(&mut more);
        }
        global(ValType::I32).encode(&mut more);
        ConstExpr::i32_const(0).encode(&mut more);
        appended(old, count(&EXPORTS) + 1, &more)
    }

    fn exports(&self, old: &[u8]) -> Vec<u8> {
        let mut more = Vec::new();
        let first = self.outline.functions_end() + self.moved();
        for (function, name) in (first..).zip(EXPORTS) {
            name.encode(&mut more);
            ExportKind::Func.encode(&mut more);
            function.encode(&mut more);
        }
        appended(old, count(&EXPORTS), &more)
    }

    fn code(&self, bytes: &[u8], bodies: &[Range<usize>]) -> CodeSection {
        let mut code = CodeSection::new();
        let body = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        let mut moved = Vec::new();
        for (function, range) in (self.outline.imported_functions..).zip(bodies) {
            let Some((_, allocator)) = self.allocators.get(&function) else {
                code.raw(body(range));
                continue;
            };
            code.function(&self.wrapper(*allocator, self.outline.functions_end() + count(&moved)));
            moved.push(range);
        }
        for range in moved {
            code.raw(body(range));
        }
        for global in (self.outline.globals..).take(EXPORTS.len()) {
            let mut getter = Function::new([]);
            getter.instructions().global_get(global).end();
            code.function(&getter);
        }
        code
    }

    fn wrapper(&self, allocator: Allocator, body: u32) -> Function {
        let (calls, bytes, depth) = (self.outline.globals, self.outline.globals + 1, self.outline.globals + 2);
        let mut wrapper = Function::new([]);
        let mut code = wrapper.instructions();
        code.global_get(depth);
        if allocator.size == Size::GoStack {
            code.local_get(0).i32_or();
        }
        code.i32_eqz().if_(BlockType::Empty);
        code.global_get(calls).i64_const(1).i64_add().global_set(calls);
        code.global_get(bytes);
        match allocator.size {
            Size::Param(param) => code.local_get(param).i64_extend_i32_u(),
            Size::Product => code
                .local_get(0)
                .i64_extend_i32_u()
                .local_get(1)
                .i64_extend_i32_u()
                .i64_mul(),
            // Its return address is before it.
            Size::GoStack => code.global_get(0).i64_load(MemArg {
                offset: 8,
                align: 3,
                memory_index: 0,
            }),
        };
        code.i64_add().global_set(bytes).end();
        code.global_get(depth).i32_const(1).i32_add().global_set(depth);
        for param in (0..).take(allocator.params) {
            code.local_get(param);
        }
        code.call(body);
        code.global_get(depth).i32_const(1).i32_sub().global_set(depth).end();
        wrapper
    }
}

fn raw(module: &mut Module, id: u8, data: &[u8]) {
    module.section(&RawSection { id, data });
}

/// A section with `n` more items at its end.
fn appended(section: &[u8], n: u32, items: &[u8]) -> Vec<u8> {
    let mut reader = wasmparser::BinaryReader::new(section, 0);
    let before = reader.read_var_u32().unwrap_or_default();
    let rest = section.get(reader.current_position()..).unwrap_or_default();
    let mut appended = Vec::with_capacity(section.len() + items.len() + 2);
    (before + n).encode(&mut appended);
    appended.extend_from_slice(rest);
    appended.extend_from_slice(items);
    appended
}
