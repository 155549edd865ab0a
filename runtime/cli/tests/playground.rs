//! The playground: a page with a component in it, whose own tests run in node on the components of `make test-guests`.

use std::{path::Path, process::Command};

use danube_wasm_testkit::servers;

#[test]
fn what_comes_of_a_record_in_the_page_comes_of_it_in_the_host() {
    let Some(modules) = servers::node_modules("cli") else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the repository");
    let output = Command::new("node")
        .arg("--test")
        .arg(root.join("playground/tests/connector.test.mjs"))
        .env("NODE_MODULES", &modules)
        .env("GUESTS", root.join("target/guests"))
        .output()
        .expect("node");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("pass 8"), "every test ran: {said}");
}

/// `CHROMIUM` names a browser: this is not run without one.
#[test]
fn the_page_shows_it_in_a_browser() {
    let Some(modules) = servers::node_modules("cli") else {
        return;
    };
    let Some(browser) = std::env::var_os("CHROMIUM") else {
        println!("skipped: CHROMIUM names no browser");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let scratch = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        let file = scratch.path().join(name);
        std::fs::write(&file, text).expect("written");
        file
    };
    let order = r#"{"endpoint":"/orders","payload":{"id":"7","lines":[{"sku":"a"}]}}"#;
    let events = write(
        "events.jsonl",
        &format!("{order}\n{{\"endpoint\":\"/orders\",\"text\":\"{{\"}}\n"),
    );
    let settings = write(
        "settings.json",
        r#"{"endpoints":[{"path":"/orders","danube_topic":"/shop/lines"}]}"#,
    );
    let page = scratch.path().join("page.html");
    let built = Command::new("node")
        .arg(root.join("playground/build.mjs"))
        .arg(root.join("target/guests/order_lines.wasm"))
        .arg(&page)
        .args([Path::new("--events"), &events, Path::new("--settings"), &settings])
        .env("NODE_MODULES", &modules)
        .output()
        .expect("node");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let shown = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=20000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", scratch.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in [
        "\"id\": \"7:0\"",
        "\"rejected\": \"invalid-data\"",
        "info order 7: 1 lines",
    ] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
}
