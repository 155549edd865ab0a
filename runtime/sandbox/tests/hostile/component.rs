//! From the forms of a behaviour to a component: what the forms leave out is healthy.

use std::{fs, sync::Arc};

use danube_wasm_sandbox::Role;

use super::{
    forms::forms,
    manifest::{Behaviour, dir},
};
use crate::support::{
    BUMP, FORGET, Guest,
    sections::{instantiate, section},
    wasi::{CLI, CLOCKS, IO, RANDOM},
};

/// A behaviour as a component of a world.
pub fn component(behaviour: &Behaviour, role: Role) -> Arc<[u8]> {
    let text = behaviour.text.replace("{world}", role.as_str());
    let parse = |text: &str| wat::parse_str(text).unwrap_or_else(|error| panic!("{}: {error}", behaviour.name));
    let (modules, own): (Vec<&str>, Vec<&str>) = forms(&text).into_iter().partition(|form| form.starts_with("(module"));
    let mut built = match own.first() {
        Some(form) if form.starts_with("(component") => parse(form),
        _ => connector(&own, &behaviour.memory, role).to_vec(),
    };
    for module in modules {
        instantiate(&mut built, &parse(module), behaviour.instances);
    }
    if behaviour.padding > 0 {
        let nothing = vec![0; behaviour.padding];
        section(&mut built, 0, &[b"\x01x", &nothing]);
    }
    built.into()
}

/// The connector that these forms make of a healthy one.
fn connector(forms: &[&str], memory: &str, role: Role) -> Arc<[u8]> {
    let common = fs::read_to_string(dir().join("common.wat")).expect("common.wat");
    let (imports, items): (Vec<&str>, Vec<&str>) = forms.iter().partition(|form| form.starts_with("(import"));
    let defines = |function: &str| {
        items
            .iter()
            .find(|form| form.starts_with(&format!("(func ${function} ")))
    };
    let leak = |text: String| -> &'static str { text.leak() };
    let healthy_configs = match role {
        Role::Source => "(i32.const 2048)",
        Role::Sink => "(i32.const 2312)",
    };
    let guest = Guest {
        wit: &[IO, CLOCKS, CLI, RANDOM],
        world: leak(world(&imports)),
        imports: leak(imports.join("\n")),
        items: leak(format!("{common}\n{}", items.join("\n"))),
        memory: leak(memory.to_owned()),
        initialize: match defines("initialize") {
            Some(form) if form.contains("(result i32)") => "(call $initialize)".into(),
            Some(_) => "(call $initialize) (i32.const 1024)".into(),
            None => "(i32.const 1024)".into(),
        },
        configs: match defines("configs") {
            Some(form) if form.contains("(result i32)") => "(call $configs)".into(),
            Some(_) => format!("(call $configs) {healthy_configs}"),
            None => healthy_configs.into(),
        },
        call: match defines("batch") {
            Some(_) => "(call $batch (local.get $batch))".into(),
            None => "(call $renew (local.get $batch))".into(),
        },
        realloc: match defines("allocate") {
            Some(_) => "(call $allocate (local.get $align) (local.get $size))",
            None => BUMP,
        },
        post: match defines("after") {
            Some(_) => "(call $after)",
            None => FORGET,
        },
        ..Guest::default()
    };
    match role {
        Role::Source => guest.source(),
        Role::Sink => guest.sink(),
    }
}

/// The imports of the world: every interface that a core import names, once.
fn world(imports: &[&str]) -> String {
    let named = imports.iter().filter_map(|form| form.split('"').nth(1));
    let mut wanted: Vec<&str> = named.filter(|name| name.starts_with("wasi:")).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.iter().map(|name| format!("import {name};")).collect()
}
