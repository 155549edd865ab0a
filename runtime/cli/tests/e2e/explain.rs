//! Codes of errors: printed before their sentence, and explained.

use std::fs;

use crate::harness::{Setup, cli, guest};

fn out(args: &[&str]) -> (Option<i32>, String, String) {
    let output = cli(args.iter().copied());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn each_code_that_is_printed_has_a_page() {
    let scratch = Setup {
        top: "partitons = 3".into(),
        sink: guest("record_source"),
        ..Setup::default()
    }
    .write();
    let file = scratch.file().display().to_string();
    let (rc, _, said) = out(&["check", &file]);
    assert_eq!(rc, Some(78));
    assert!(said.contains(": error[DW0102]: unknown key `partitons`"), "{said}");

    // The file is right, and one of its components is none for its place.
    let text = fs::read_to_string(scratch.file())
        .expect("the file")
        .replace("partitons = 3", "");
    fs::write(scratch.file(), text).expect("written");
    let (rc, _, said) = out(&["check", &file]);
    assert_eq!(rc, Some(78), "{said}");
    assert!(
        said.contains("error[DW0204]: `") && said.contains("is a source component"),
        "{said}"
    );

    let (rc, _, said) = out(&["status", &file]);
    assert_eq!(rc, Some(2));
    assert!(
        said.starts_with("danube-wasm: error[DW0601]: no pipeline runs on"),
        "{said}"
    );

    let (rc, list, _) = out(&["explain"]);
    assert_eq!(rc, Some(0));
    for code in ["DW0102", "DW0204", "DW0601"] {
        assert!(list.contains(&format!("  {code}  ")), "{list}");
        let (rc, page, _) = out(&["explain", code]);
        assert_eq!(rc, Some(0));
        assert!(
            page.starts_with(&format!("# {code}: ")) && page.contains("## What to do"),
            "{page}"
        );
    }
    assert_eq!(out(&["explain", "dw204"]).1, out(&["explain", "DW0204"]).1);
    let (rc, _, said) = out(&["explain", "DW9999"]);
    assert_eq!(rc, Some(2));
    assert!(
        said.contains("`DW9999` is not a code: `danube-wasm explain` lists them"),
        "{said}"
    );
}
