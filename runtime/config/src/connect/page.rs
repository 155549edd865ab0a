//! The part of the reference page about files of Danube Connect, in Markdown.

use std::fmt::Write;

use super::{
    keys::{Effect, How, OldKey, OldTable},
    tables::TABLES,
};

/// Appends every table and key, with what becomes of it, to a page.
pub(crate) fn write_page(page: &mut String) -> std::fmt::Result {
    TABLES.iter().try_for_each(|table| write_table(page, table))
}

fn write_table(page: &mut String, table: &OldTable) -> std::fmt::Result {
    let title = match table.paths {
        [""] => "Top level".to_owned(),
        _ => table
            .headers()
            .map(|header| format!("`{header}`"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    writeln!(page, "\n### {title}\n\n{}\n", table.about)?;
    writeln!(page, "| key there | key here | note |\n|---|---|---|")?;
    table.keys.iter().try_for_each(|key| write_key(page, table, key))
}

fn write_key(page: &mut String, table: &OldTable, key: &OldKey) -> std::fmt::Result {
    let names: Vec<_> = key.names.iter().map(|name| format!("`{name}`")).collect();
    let becomes = match (key.becomes, table.becomes) {
        ("", _) => String::new(),
        (becomes, "") => format!("`{becomes}`"),
        (becomes, within) => format!("`{within}.{becomes}`"),
    };
    writeln!(page, "| {} | {becomes} | {} |", names.join(" or "), note(key))
}

fn note(key: &OldKey) -> String {
    let mut notes = Vec::new();
    if key.is_required {
        notes.push("Required.".to_owned());
    }
    match &key.how {
        How::Ignored(effect, help) => notes.push(format!("{} {}.", without_effect(*effect), sentence(help))),
        How::Secs => notes.push("In milliseconds here.".to_owned()),
        _ => {}
    }
    if let Some(default) = key.default {
        notes.push(format!("`{default}` without it."));
    }
    if let Some(variable) = key.variable {
        notes.push(format!("`{variable}` holds over it: `\"${{{variable}:-…}}\"` here."));
    }
    if !key.note.is_empty() {
        notes.push(key.note.to_owned());
    }
    notes.join(" ")
}

fn without_effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Never => "Never had an effect.",
        Effect::Removed => "Has no equivalent.",
        Effect::New => "Has an effect only here.",
    }
}

/// Returns a help text as a sentence, without its full stop.
fn sentence(help: &str) -> String {
    let help = help.strip_prefix("remove it; ").unwrap_or(help);
    let mut chars = help.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

#[cfg(test)]
mod tests {
    use toml::de::DeValue;

    use super::*;

    #[test]
    fn examples_and_defaults_are_toml_and_renamed_keys_have_examples() {
        for key in TABLES.into_iter().flat_map(|table| table.keys) {
            let name = key.names[0];
            for toml in key.example.into_iter().chain(key.default) {
                assert!(DeValue::parse(toml).is_ok(), "{name}: {toml}");
            }
            let is_separate = matches!(key.how, How::Separate | How::Ignored(..));
            let is_renamed = key.names != [key.leaf()];
            assert!(
                is_separate || !is_renamed || key.example.is_some(),
                "{name} has no example"
            );
        }
    }
}
