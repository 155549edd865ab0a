//! Programs that sign as senders do, and that check as they tell their receivers to: one process for many bodies.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use danube_wasm_model::clock::now_ms;
use danube_wasm_testkit::servers;
use serde_json::{Value, json};

use crate::table::Sender;

/// A program that answers each line with a line. Ends with its input.
pub(crate) struct Signer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// A webhook that is signed.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) fn now_secs() -> u64 {
    now_ms() / 1000
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers")
}

impl Signer {
    /// With the senders' libraries for Python. `None` if they are not installed.
    pub(crate) fn python() -> Option<Self> {
        let mut python =
            servers::python("stripe, svix, twilio, nacl, Adyen, square, hubspot, slack_sdk, standardwebhooks")?;
        Some(Self::start(python.arg(folder().join("sign.py"))))
    }

    /// With the senders' libraries for Node, which check what is signed. `None` if they are not installed.
    pub(crate) fn node() -> Option<Self> {
        let packages = servers::node_modules("http")?;
        let mut node = servers::program("node")?;
        Some(Self::start(
            node.env("NODE_MODULES", packages).arg(folder().join("verify.mjs")),
        ))
    }

    fn start(command: &mut Command) -> Self {
        // Not this process's: Node makes a pipe non-blocking for all who share it.
        command.stderr(Stdio::null());
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            input: child.stdin.take(),
            child,
            output,
        }
    }

    pub(crate) fn ask(&mut self, line: &Value) -> String {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}")
            .and_then(|()| input.flush())
            .expect("the signer listens");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("the signer answers");
        assert!(!answer.is_empty(), "the signer ended at {line}");
        answer.trim_end().to_owned()
    }

    /// As this sender signs at this time, with this secret.
    pub(crate) fn sign(&mut self, sender: &Sender, secret: &str, time: u64, body: &str) -> Signed {
        let answer = self.ask(&json!({
            "sender": sender.preset,
            "secret": secret,
            "time": time,
            "id": "msg_1",
            "method": "POST",
            "url": sender.signed_url(body),
            "body": body,
        }));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let headers = answer["headers"].as_object().unwrap().iter();
        Signed {
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            body: answer["body"].as_str().unwrap().to_owned(),
        }
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl Signed {
    /// Lines of a request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    /// The value of a header.
    pub(crate) fn header_mut(&mut self, name: &str) -> &mut String {
        let mut headers = self.headers.iter_mut();
        let (_, value) = headers.find(|(found, _)| found == name).expect("the sender sends it");
        value
    }
}
