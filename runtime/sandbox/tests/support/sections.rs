//! Sections added to a component that is there.

use wasmparser::{Parser, Payload};

/// Adds a core module to a component, and so many instances of it.
pub fn instantiate(component: &mut Vec<u8>, module: &[u8], instances: u8) {
    let mut depth = 0_u32;
    let mut modules = 0_u8;
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("a component") {
            Payload::ModuleSection { .. } => {
                modules += u8::from(depth == 0);
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    section(component, 1, &[module]);
    // Of that module, without arguments.
    let instance = [0, modules, 0];
    section(component, 2, &[&[instances], &instance.repeat(instances.into())]);
}

/// Adds a section to a component.
pub fn section(component: &mut Vec<u8>, id: u8, parts: &[&[u8]]) {
    component.push(id);
    let mut size: usize = parts.iter().map(|part| part.len()).sum();
    while size >= 0x80 {
        component.push(u8::try_from(size & 0x7f).expect("seven bits") | 0x80);
        size >>= 7;
    }
    component.push(u8::try_from(size).expect("seven bits"));
    parts.iter().for_each(|part| component.extend_from_slice(part));
}
