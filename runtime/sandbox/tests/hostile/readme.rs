//! `guests/hostile/README.md` lists every behaviour as its file declares it.

use std::{collections::BTreeSet, fs};

use danube_wasm_sandbox::Role;

use super::manifest::{Behaviour, dir};

/// That its table has a row for each behaviour, and no other.
pub fn check(behaviours: &[Behaviour]) {
    let text = fs::read_to_string(dir().join("README.md")).expect("README.md");
    let (_, table) = text.split_once("## The behaviours").expect("its table");
    let listed: BTreeSet<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let rows: Vec<String> = behaviours.iter().map(row).collect();
    let declared: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    let missing: Vec<_> = declared.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&declared).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "guests/hostile/README.md lacks {missing:#?} and has {unknown:#?}; its rows are:\n{}",
        rows.join("\n")
    );
}

fn row(behaviour: &Behaviour) -> String {
    let verdict = |wanted| {
        let found = behaviour.verdicts.iter().find(|(role, _)| *role == wanted);
        found.map_or(String::new(), |(_, verdict)| {
            format!("{} {} {}", verdict.stage, verdict.kind, verdict.detail)
                .trim_end()
                .to_owned()
        })
    };
    let (source, sink) = (verdict(Role::Source), verdict(Role::Sink));
    format!("| `{}` | {} | {source} | {sink} |", behaviour.name, behaviour.sentence)
}
