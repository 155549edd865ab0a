//! `danube-wasm builtins`: the kinds of connectors and the components that this program has, with their keys.

use danube_wasm_config::reference_tables;
use danube_wasm_connector::{Builtin, LeftOut, Registry, Role};
use danube_wasm_host::connectors::registry;
use danube_wasm_settings::{FieldManual, Presence, TableManual};
use serde_json::{Value, json};

use super::table::table;
use crate::{args, exit::Failure};

/// Prints what is built in; of one kind, its keys.
pub(crate) fn builtins(args: &args::Builtins) -> Result<(), Failure> {
    let kinds = kinds(registry());
    let chosen: Vec<_> = match &args.kind {
        None => kinds,
        Some(name) => {
            let known: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
            let known = known.join(", ");
            let found: Vec<_> = kinds.into_iter().filter(|kind| kind.name == name).collect();
            if found.is_empty() {
                return Err(Failure::usage(format!(
                    "there is no kind `{name}`: this program has {known}"
                )));
            }
            found
        }
    };
    if args.json {
        println!("{}", Value::Array(chosen.iter().map(value).collect()));
        return Ok(());
    }
    match &args.kind {
        None => print!("{}", overview(&chosen)),
        Some(_) => chosen.iter().for_each(|kind| print!("{}", keys(kind))),
    }
    Ok(())
}

/// A kind of connector.
struct Kind {
    role: Role,
    name: &'static str,
    component: &'static str,
    /// What the program lacks, if it was built without this kind.
    help: Option<String>,
    tables: Vec<TableManual>,
}

fn kinds(registry: &Registry) -> Vec<Kind> {
    let manual = reference_tables(registry);
    let mut kinds = Vec::new();
    let mut add = |role: Role, name: &'static str, builtin: Builtin| {
        let path = format!("{}s.{name}", role.noun());
        let is_its = |table: &&TableManual| table.path == path || table.path.starts_with(&format!("{path}."));
        kinds.push(Kind {
            role,
            name,
            component: builtin.name,
            help: None,
            tables: manual.iter().filter(is_its).cloned().collect(),
        });
    };
    let sources = registry.sources().iter();
    sources.for_each(|kind| add(Role::Source, kind.name, kind.builtin));
    let sinks = registry.sinks().iter();
    sinks.for_each(|kind| add(Role::Sink, kind.name, kind.builtin));
    for role in [Role::Source, Role::Sink] {
        kinds.extend(registry.left_out(role).map(left_out));
    }
    kinds
}

fn left_out(kind: &LeftOut) -> Kind {
    Kind {
        role: kind.role,
        name: kind.kind,
        component: kind.builtin,
        help: Some(kind.help()),
        tables: Vec::new(),
    }
}

fn overview(kinds: &[Kind]) -> String {
    let row = |kind: &Kind| {
        let about = kind.tables.first().map(|table| table.about.to_owned());
        let about = about.or_else(|| kind.help.clone().map(|help| format!("not in this program: {help}")));
        vec![
            kind.role.noun().to_owned(),
            kind.name.to_owned(),
            format!("builtin:{}", kind.component),
            first_sentence(&about.unwrap_or_default()),
        ]
    };
    let rows: Vec<_> = kinds.iter().map(row).collect();
    let mut text = table(&["role", "kind", "component", "about"], &rows);
    for role in [Role::Source, Role::Sink] {
        let names: Vec<_> = registry()
            .builtins(role)
            .iter()
            .map(|b| format!("builtin:{}", b.name))
            .collect();
        text.push_str(&format!("\ncomponents of {}s: {}", role.noun(), names.join(", ")));
    }
    text.push_str("\n\n`danube-wasm builtins KIND` shows the keys of a kind.\n");
    text
}

fn first_sentence(text: &str) -> String {
    text.split_inclusive(". ").next().unwrap_or_default().trim().to_owned()
}

fn keys(kind: &Kind) -> String {
    let mut text = format!(
        "{} `{}`, component builtin:{}\n",
        kind.role.noun(),
        kind.name,
        kind.component
    );
    if let Some(help) = &kind.help {
        text.push_str(&format!("not in this program: {help}\n"));
    }
    for manual in &kind.tables {
        text.push_str(&format!("\n{}: {}\n", manual.header(), manual.about));
        let row = |field: &FieldManual| {
            vec![
                field.key.to_owned(),
                field.kind.clone(),
                presence(field),
                field.about.to_owned(),
            ]
        };
        let rows: Vec<_> = manual.fields.iter().map(row).collect();
        text.push_str(&table(&["key", "value", "default", "about"], &rows));
    }
    text
}

fn presence(field: &FieldManual) -> String {
    match &field.presence {
        Presence::Required => "required".to_owned(),
        Presence::Optional => "-".to_owned(),
        Presence::Default(words) => words.clone(),
    }
}

fn value(kind: &Kind) -> Value {
    let field = |field: &FieldManual| {
        json!({
            "key": field.key,
            "value": field.kind,
            "required": field.presence == Presence::Required,
            "default": match &field.presence { Presence::Default(words) => Some(words), _ => None },
            "when": field.when,
            "about": field.about,
            "example": field.example,
        })
    };
    let table = |table: &TableManual| {
        json!({
            "table": table.header(),
            "about": table.about,
            "keys": table.fields.iter().map(field).collect::<Vec<_>>(),
        })
    };
    json!({
        "role": kind.role.noun(),
        "kind": kind.name,
        "component": format!("builtin:{}", kind.component),
        "included": kind.help.is_none(),
        "tables": kind.tables.iter().map(table).collect::<Vec<_>>(),
    })
}
