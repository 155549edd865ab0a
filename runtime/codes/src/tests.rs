use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::*;

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

#[test]
fn numbers_ascend_and_belong_to_a_part() {
    assert!(
        Code::ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()),
        "{:?}",
        Code::ALL
    );
    for code in Code::ALL {
        let part = &code.as_str()[2..4];
        assert!(
            Code::PARTS.iter().any(|(known, _)| *known == part),
            "{code}: no part {part}"
        );
        assert_eq!(code.as_str().len(), 6, "{code}");
    }
}

#[test]
fn each_code_has_a_page_that_says_when_why_and_what_to_do() {
    for code in Code::ALL {
        let page = code.page();
        let title = format!("# {code}: {}\n", code.title());
        assert!(page.starts_with(&title), "{code}.md begins with: {title}");
        for heading in ["\n## When\n", "\n## What to do\n"] {
            assert!(page.contains(heading), "{code}.md lacks `{}`", heading.trim());
        }
        assert!(page.len() > 300, "{code}.md says nothing that its title does not");
    }
}

#[test]
fn each_page_has_a_code() {
    let known: BTreeSet<_> = Code::ALL.iter().map(|code| format!("{code}.md")).collect();
    let files = fs::read_dir(pages()).expect("docs/errors");
    let mut found: BTreeSet<_> = (files.map(|file| file.expect("a file").file_name().into_string()))
        .map(|name| name.expect("a name"))
        .collect();
    found.remove("README.md");
    assert_eq!(found, known);
}

/// `UPDATE=1 cargo test -p danube-wasm-codes` writes it.
#[test]
fn the_index_is_up_to_date() {
    let file = pages().join("README.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, Code::index()).expect("written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == Code::index(),
        "docs/errors/README.md is out of date: UPDATE=1 cargo test -p danube-wasm-codes"
    );
}

#[test]
fn codes_are_read_as_people_type_them() {
    for text in ["DW0102", "dw0102", "102", " DW102 ", "0102"] {
        assert_eq!(text.parse(), Ok(Code::UnknownKey), "{text}");
    }
    for text in ["", "DW", "DW9999", "unknown key", "DW-1"] {
        assert_eq!(text.parse::<Code>(), Err(NoCode), "{text}");
    }
}
