//! examples/webhooks: each file is right, and takes what its script sends as its sender does.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    source::{Environment, load, start},
    support::Inbox,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/webhooks")
}

/// Files, how many of the sender's bodies are events, and how many are answered by the host.
const SENDERS: &[(&str, usize, usize)] = &[
    ("adyen", 1, 0),
    ("discord", 1, 1),
    ("event-grid", 1, 1),
    ("gitea", 1, 0),
    ("github", 2, 1),
    ("gitlab", 1, 0),
    ("hubspot", 1, 0),
    ("intercom", 1, 0),
    ("linear", 1, 0),
    ("meta", 1, 0),
    ("sentry", 1, 0),
    ("shopify", 1, 0),
    ("slack", 1, 1),
    ("sns", 0, 0),
    ("square", 1, 0),
    ("standard-webhooks", 1, 0),
    ("stripe", 1, 0),
    ("svix", 1, 0),
    ("twilio", 1, 0),
    ("zoom", 1, 1),
];

/// A secret of the shape that the sender's are of.
fn secret(variable: &str) -> String {
    match variable {
        "ADYEN_HMAC_KEY" => "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
        "DISCORD_PUBLIC_KEY" => "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "STANDARD_WEBHOOKS_SECRET" | "SVIX_SECRET" => "whsec_ZGVtbyBzZWNyZXQgb2YgdGhlIGV4YW1wbGU=",
        "STRIPE_WEBHOOK_SECRET" => "whsec_0123456789abcdef",
        _ => "a secret of the test",
    }
    .to_owned()
}

/// Every variable that a file asks for, without those that have a default.
fn environment(text: &str) -> Environment {
    let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let asked = names.filter(|(name, _)| !name.contains(":-"));
    asked.map(|(name, _)| (name.to_owned(), secret(name))).collect()
}

#[test]
fn there_is_a_file_for_each_sender() {
    let files = std::fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<_> = names
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    found.sort();
    let known: Vec<_> = SENDERS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(found, known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_takes_what_its_sender_sends() {
    for (sender, events, answered) in SENDERS {
        let path = folder().join(format!("{sender}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        let env = environment(&text);
        let (sources, warnings) = load(&path, text.replace("port = 8083", "port = 0"), &env)
            .unwrap_or_else(|wrong| panic!("{sender}: {wrong}"));
        assert!(warnings.is_empty(), "{sender}: {warnings:?}");
        let inbox = Inbox::new();
        let ingress = start(&sources[0], inbox.clone()).await;
        if *sender == "sns" {
            // Its certificate would be fetched from Amazon. tests/ingress/sns.rs has an Amazon of its own.
            continue;
        }
        let url = ingress.location(&format!("/webhooks/{sender}"));
        let send = |more: &[(&str, &str)]| {
            let mut python = Command::new("python3");
            python.arg(folder().join("send.py")).arg(sender).envs(&env);
            // What the sender signs is what the file says, whatever the port is here.
            python
                .env("URL", &url)
                .env("WEBHOOK_URL", format!("http://127.0.0.1:8083/webhooks/{sender}"));
            let output = python.envs(more.iter().copied()).output().expect("python3");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success(),
                "{sender}: {said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            said
        };
        let said = tokio::task::block_in_place(|| send(&[]));
        let taken = said.lines().filter(|line| line.starts_with("20")).count();
        assert_eq!((taken, inbox.count()), (events + answered, *events), "{sender}: {said}");
        let said = tokio::task::block_in_place(|| send(&[("FORGED", "1")]));
        assert!(
            said.lines().all(|line| line.starts_with("401")) && !said.is_empty(),
            "{sender}: {said}"
        );
        assert_eq!(inbox.count(), *events, "{sender}");
        ingress.close(tokio::time::Instant::now()).await;
    }
}
