//! `danube-wasm topics produce FILE TOPIC`: publishes the lines of standard input, checked by the topic's schema.

use std::{
    io::{BufRead, Lines, StdinLock},
    path::Path,
};

use danube_wasm_host::{
    control::{self, Request},
    produce::{ProduceRequest, ProducedRecord},
};
use danube_wasm_model::clock::now_ms;
use serde_json::{Value, json};

use crate::{args, exit::Failure, verbs::running};

/// Lines in one request: what was published before a mistake in a later request stays published.
const LINES_MAX: usize = 200;
/// Bytes of lines in one request, unless a single line is larger.
const BYTES_MAX: usize = 256 << 10;

/// Publishes each line that is not empty, and says which ones were refused.
pub(crate) fn produce(args: &args::Produce) -> Result<(), Failure> {
    let data_dir = running::data_dir(&args.file)?;
    let runtime = crate::runtime()?;
    let mut input = Input {
        lines: std::io::stdin().lock().lines(),
        read: 0,
    };
    let (mut published, mut refused, mut all) = (0, 0, Vec::new());
    loop {
        let (numbers, records) = input.next(args)?;
        if records.is_empty() {
            break;
        }
        let values = runtime.block_on(send(&data_dir, &args.topic, records))?;
        for (number, mut value) in numbers.into_iter().zip(values) {
            match value["error"].as_str() {
                None => published += 1,
                Some(error) => {
                    refused += 1;
                    eprintln!("line {number}: {error}");
                }
            }
            if args.json {
                value["line"] = json!(number);
                all.push(value);
            }
        }
    }
    match args.json {
        true => println!("{}", Value::Array(all)),
        false => println!("{published} published to {}", args.topic),
    }
    match refused {
        0 => Ok(()),
        refused => Err(Failure::still_fails(format!(
            "{refused} lines were refused, and are not published"
        ))),
    }
}

async fn send(data_dir: &Path, topic: &str, records: Vec<ProducedRecord>) -> Result<Vec<Value>, Failure> {
    let request = Request::Produce(ProduceRequest {
        topic: topic.to_owned(),
        records,
    });
    Ok(control::demand(data_dir, &request).await?)
}

struct Input {
    lines: Lines<StdinLock<'static>>,
    read: usize,
}

impl Input {
    /// The next records, each with the number of its line.
    fn next(&mut self, args: &args::Produce) -> Result<(Vec<usize>, Vec<ProducedRecord>), Failure> {
        let (mut numbers, mut records, mut bytes) = (Vec::new(), Vec::new(), 0);
        while records.len() < LINES_MAX && bytes < BYTES_MAX {
            let Some(line) = self.lines.next() else { break };
            self.read += 1;
            let line = line.map_err(|e| Failure::usage(format!("line {}: {e}", self.read)))?;
            if line.trim().is_empty() {
                continue;
            }
            bytes += line.len();
            numbers.push(self.read);
            records.push(self.record(args, line)?);
        }
        Ok((numbers, records))
    }

    fn record(&self, args: &args::Produce, line: String) -> Result<ProducedRecord, Failure> {
        let parsed = serde_json::from_str(&line).unwrap_or(Value::Null);
        let value = |what: &str, asked: &Option<String>| match asked {
            Some(pointer) if pointer.starts_with('/') => match parsed.pointer(pointer) {
                Some(Value::String(text)) => Ok(Some(text.clone())),
                Some(Value::Null) | None => Err(Failure::usage(format!(
                    "line {}: there is nothing at {pointer}, which --{what} names",
                    self.read
                ))),
                Some(other) => Ok(Some(other.to_string())),
            },
            asked => Ok(asked.clone()),
        };
        let minted = || format!("cli-{}-{}-{}", now_ms(), std::process::id(), self.read);
        Ok(ProducedRecord {
            id: value("id", &args.id)?.unwrap_or_else(minted),
            key: value("key", &args.key)?,
            payload: line,
        })
    }
}
