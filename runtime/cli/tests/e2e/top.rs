//! `top`: a frame as text, and the screen of a terminal.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use crate::{
    harness::{Setup, cli, payment},
    steering::status,
};

#[test]
fn a_frame_shows_what_each_connector_does() {
    let scratch = Setup::default().write();
    let file = scratch.file().display().to_string();
    let nothing = cli(["top", &file, "--once"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no pipeline runs on"));

    let pipeline = scratch.start();
    for n in 0..3 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    pipeline.until("the rows are written", |_| {
        status(&scratch, "test/surrealdb")["processed"] == 3
    });
    let frame = cli(["top", &file, "--once"]);
    let text = String::from_utf8_lossy(&frame.stdout).into_owned();
    assert!(text.starts_with("pipeline test  "), "{text}");
    for connector in ["webhook", "surrealdb"] {
        let line = text.lines().find(|line| line.starts_with(connector));
        let line = line.unwrap_or_else(|| panic!("no {connector} in {text}"));
        assert!(
            line.contains("running") && line.contains("builtin:") && line.contains("MiB"),
            "{line}"
        );
    }
    assert!(text.contains("test/webhook: done/s, at most"), "{text}");
    assert!(!text.contains('\u{1b}'), "a text has no colours");

    // Not on a terminal, and not asked for a text.
    let refused = cli(["top", &file]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`--once` prints one frame as text"));
    pipeline.stop();
}

#[test]
fn the_screen_is_drawn_on_a_terminal_until_its_user_quits() {
    // util-linux: runs a program on a terminal of its own.
    let script = Command::new("script").arg("--version").output();
    if !script.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("util-linux")) {
        println!("skipped: there is no `script` of util-linux here");
        return;
    }
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let verb = format!(
        "stty rows 30 cols 120; '{}' top '{}'",
        env!("CARGO_BIN_EXE_danube-wasm"),
        scratch.file().display()
    );
    let mut screen = Command::new("script")
        .args(["-qec", &verb, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script");
    let mut drawn = screen.stdout.take().expect("piped");
    let mut seen = String::new();
    let mut bytes = [0; 4096];
    while !(seen.contains("surrealdb") && seen.contains("quit")) {
        let read = drawn.read(&mut bytes).expect("the terminal");
        assert!(read > 0, "it ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(seen.contains("\u{1b}[?1049h"), "on a screen of its own");
    let mut keys = screen.stdin.take().expect("piped");
    keys.write_all(b"jq").expect("it reads");
    keys.flush().expect("it reads");
    let mut rest = String::new();
    let _ = drawn.read_to_string(&mut rest);
    assert!(screen.wait().expect("its end").success());
    assert!(rest.contains("\u{1b}[?1049l"), "the terminal is as it was: {rest:?}");
    pipeline.stop();
}
