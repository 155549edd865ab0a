//! The table that names a connector's kind.

use danube_wasm_connector::{Kind, LeftOut, Registry, Unfit};
use danube_wasm_settings::Table;

use super::component::Component;

/// Reads the table of a connector's kind, and returns the kind's name and its configuration. A connector has exactly
/// one.
pub(super) fn read<'k, C>(
    t: &mut Table<'_>,
    kinds: &[Kind<C>],
    left_out: impl Iterator<Item = &'k LeftOut>,
) -> Option<(&'static str, C)> {
    let has_left_out = refuse_left_out(t, left_out);
    let mut found = Vec::new();
    for kind in kinds {
        found.push((kind.name, kind.read(t)));
    }
    found.retain(|(name, _)| t.given(name));
    if let [(first, _), (second, _), ..] = &found[..] {
        let message = format!("a connector is of one kind, and this one has `{first}` and `{second}`");
        let help = "give each a connector of its own";
        t.session().error(&t.span(second), message, help);
        return None;
    }
    let Some((name, config)) = found.pop() else {
        if !has_left_out {
            report_missing(t, kinds);
        }
        return None;
    };
    config.map(|config| (name, config))
}

/// Refuses tables of kinds that this program was built without. Returns whether there is one.
fn refuse_left_out<'k>(t: &mut Table<'_>, left_out: impl Iterator<Item = &'k LeftOut>) -> bool {
    let path = t.header().trim_matches(['[', ']']).to_owned();
    let mut is_any = false;
    for kind in left_out {
        let message = format!("this program was built without `[{path}.{}]`", kind.kind);
        is_any |= t.refuse(kind.kind, message, kind.help());
    }
    is_any
}

fn report_missing<C>(t: &Table<'_>, kinds: &[Kind<C>]) {
    if t.session().manual().is_some() {
        return;
    }
    let names: Vec<_> = kinds.iter().map(|kind| format!("`{}`", kind.name)).collect();
    let path = t.header().trim_matches(['[', ']']).to_owned();
    let headers: Vec<_> = kinds.iter().map(|kind| format!("`[{path}.{}]`", kind.name)).collect();
    let (message, help) = match names.as_slice() {
        [] => (
            format!("{} has no kind that this program knows", t.header()),
            String::new(),
        ),
        [name] => (
            format!("{} needs a table {name}", t.header()),
            format!("add {}", headers.concat()),
        ),
        _ => (
            format!("{} needs a table of its kind: {}", t.header(), names.join(", ")),
            format!("add one of {}", headers.join(", ")),
        ),
    };
    let span = kinds
        .first()
        .map_or_else(|| t.own_span().clone(), |kind| t.span(kind.name));
    t.session().error(&span, message, help);
}

/// Refuses a built-in component of another kind, and configuration that one of this kind or of all does not support.
pub(super) fn check_builtin<C>(t: &Table<'_>, component: &Component, kind: &str, kinds: &[Kind<C>], unfit: Vec<Unfit>) {
    let Component::Builtin(builtin) = component else { return };
    let name = builtin.name;
    let span = t.span("component");
    let own = kinds.iter().find(|own| own.name == kind);
    let is_shared = t.session().facts::<Registry>().is_shared(*builtin);
    if is_shared || own.is_some_and(|own| own.builtin == *builtin) {
        for Unfit { message, help } in unfit {
            t.session().error(&span, format!("`builtin:{name}` {message}"), help);
        }
        return;
    }
    let others = kinds.iter().filter(|other| other.builtin == *builtin);
    let others: Vec<_> = others.map(|other| format!("`{}`", other.name)).collect();
    let message = format!(
        "`builtin:{name}` is for {}, and this connector has `{kind}`",
        others.join(" and ")
    );
    let help = own.map(|own| format!("write `component = \"builtin:{}\"`", own.builtin.name));
    t.session().error(&span, message, help.unwrap_or_default());
}
