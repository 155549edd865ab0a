//! Events that no row can be made of, and the dead letters that must be made of them: as many, each of an event that was
//! sent, with its payload byte for byte, its key, its attributes and its id.
//!
//! Like every payload, theirs is a function of an id, and so are the headers that they are sent with.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    checker,
    harness::{Answer, Pipeline, Scratch, cli, post},
    oracle::{Id, Minting, Oracle, payload},
};

/// Why no row can be made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The sink's component dies of it.
    Poison,
    /// It does not match its schema.
    Misfit,
}

/// The events of one flaw: a sender that sends them one after the other, and each again until it is answered.
pub struct Flawed {
    flaw: Flaw,
    minting: Minting,
    /// About to be answered: sent again with the same id until it is.
    open: Option<Id>,
    owed: BTreeSet<Id>,
}

impl Flawed {
    pub fn new(flaw: Flaw, oracle: &Oracle) -> Self {
        Self {
            flaw,
            minting: oracle.sender(),
            open: None,
            owed: BTreeSet::new(),
        }
    }

    /// Posts one after the other until the process is gone; the last of them may have no answer.
    pub fn post_until_gone(&mut self, pipeline: &Pipeline) {
        pipeline.until("the process dies", |p| {
            let id = *self.open.get_or_insert_with(|| self.minting.next_of_none());
            match self.post(p, id) {
                Some(answer) if answer.status == 200 => self.answered(id),
                Some(answer) => panic!("answered {answer:?}"),
                None => return true,
            }
            false
        });
    }

    /// Posts one more.
    pub fn post_one(&mut self, pipeline: &Pipeline) {
        self.open = Some(self.minting.next_of_none());
        self.post_again(pipeline);
    }

    /// Posts again what was not answered, as a real sender does.
    pub fn post_again(&mut self, pipeline: &Pipeline) {
        let Some(id) = self.open else { return };
        pipeline.until("it is answered after all", |p| {
            self.post(p, id).is_some_and(|answer| answer.status == 200)
        });
        self.answered(id);
    }

    fn post(&self, pipeline: &Pipeline, id: Id) -> Option<Answer> {
        let (key, agent) = (id.to_string(), agent(id));
        let headers = [("idempotency-key", &*key), ("user-agent", &agent)];
        post(&pipeline.client(), &pipeline.address(), &headers, body(self.flaw, id))
    }

    fn answered(&mut self, id: Id) {
        self.owed.insert(id);
        self.open = None;
    }

    pub fn count(&self) -> usize {
        self.owed.len()
    }

    /// Waits until there are as many letters, then checks each.
    ///
    /// # Errors
    /// There never are, or one of them is not as it must be.
    pub fn settle(&self, scratch: &Scratch) -> Result<(), String> {
        let mut ids = Vec::new();
        checker::until("every flawed event is a letter, once", || {
            ids = listed(scratch);
            match ids.len() == self.owed.len() {
                true => Ok(()),
                false => Err(format!("{} letters, {} were due", ids.len(), self.owed.len())),
            }
        })?;
        let letters: Vec<Value> = ids.iter().map(|id| shown(scratch, id)).collect();
        match faults(self.flaw, &self.owed, &letters).first() {
            None => Ok(()),
            Some(fault) => Err(fault.clone()),
        }
    }
}

/// The body of an event, as it is sent.
fn body(flaw: Flaw, id: Id) -> String {
    let mut body = payload(id);
    match flaw {
        Flaw::Poison => body["poison"] = true.into(),
        Flaw::Misfit => body["timestamp"] = "never".into(),
    }
    body.to_string()
}

/// A header that becomes an attribute.
fn agent(id: Id) -> String {
    format!("sender of {id}")
}

fn listed(scratch: &Scratch) -> Vec<String> {
    let list = dlq(scratch, &["ls"]);
    let ids = list.as_array().into_iter().flatten();
    ids.map(|letter| letter["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn shown(scratch: &Scratch, id: &str) -> Value {
    dlq(scratch, &["show", id])
}

/// The verb comes first, then the pipeline file.
fn dlq(scratch: &Scratch, args: &[&str]) -> Value {
    let file = scratch.file().display().to_string();
    let (verb, rest) = args.split_first().expect("a verb");
    let all = ["dlq", verb, &file].into_iter().chain(rest.iter().copied());
    let output = cli(all.chain(["--json"]));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// Everything that is wrong with these letters, of all events that owe one.
fn faults(flaw: Flaw, owed: &BTreeSet<Id>, letters: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for letter in letters {
        let Some(id) = letter["payload"]["amount"].as_u64().filter(|id| owed.contains(id)) else {
            faults.push(format!("a letter of what was never sent: {letter}"));
            continue;
        };
        if !seen.insert(id) {
            faults.push(format!("event {id} is two letters"));
        }
        let Value::Object(wanted) = wanted(flaw, id) else {
            unreachable!("an object");
        };
        for (what, wanted) in wanted {
            let found = lasting(&letter[&what]);
            if found != wanted {
                faults.push(format!(
                    "the letter of event {id}: its {what} must be {wanted} and is {found}"
                ));
            }
        }
    }
    let missing = owed.difference(&seen);
    faults.extend(missing.map(|id| format!("event {id} is no letter")));
    faults
}

/// What the letter of an event must say, each part as `dlq show` names it.
fn wanted(flaw: Flaw, id: Id) -> Value {
    let text = body(flaw, id);
    match flaw {
        Flaw::Poison => json!({
            "payload_text": text,
            "input_id": format!("test/webhook/hook:{id}.0"),
            "key": payload(id)["customer_id"],
            "connector": "test/surrealdb",
            "reason": "crashed",
            "attributes": {
                "webhook.source": "webhook",
                "webhook.endpoint": "/hook",
                "webhook.ip": "127.0.0.1",
                "webhook.user_agent": agent(id),
                "webhook.content_type": "application/json",
            },
        }),
        // An event that never became a record: its key is the one that was found in its body, and it has its headers still.
        Flaw::Misfit => json!({
            "payload_text": text,
            "input_id": id.to_string(),
            "key": payload(id)["customer_id"],
            "connector": "test/webhook",
            "reason": "refused",
            "attributes": { "method": "POST", "path": "/hook", "query": "", "client-ip": "127.0.0.1" },
            "headers": {
                "accept": "*/*",
                "content-type": "application/json",
                "idempotency-key": id.to_string(),
                "user-agent": agent(id),
            },
        }),
    }
}

/// Without what is another with each attempt to send it.
fn lasting(part: &Value) -> Value {
    let mut part = part.clone();
    if let Value::Object(fields) = &mut part {
        fields.retain(|name, _| name != "webhook.timestamp" && name != "host");
    }
    part
}

/// What the checker must see, or it proves nothing.
///
/// # Panics
/// It does not see one of them.
pub fn canary() {
    let owed = BTreeSet::from([1, 2]);
    for flaw in [Flaw::Poison, Flaw::Misfit] {
        let letter = |id: Id| {
            let mut letter = wanted(flaw, id);
            letter["payload"] = serde_json::from_str(&body(flaw, id)).expect("JSON");
            letter
        };
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut second = letter(2);
            change(&mut second);
            vec![letter(1), second]
        };
        assert_eq!(faults(flaw, &owed, &changed(&|_| ())), Vec::<String>::new());
        let bad: [(&str, Vec<Value>); 7] = [
            ("a missing letter", vec![letter(1)]),
            ("a double", vec![letter(1), letter(2), letter(2)]),
            ("a stranger", vec![letter(1), letter(2), letter(3)]),
            ("a changed payload", changed(&|l| l["payload_text"] = "{}".into())),
            ("a changed key", changed(&|l| l["key"] = "another".into())),
            ("another event's id", changed(&|l| l["input_id"] = "1".into())),
            ("a lost attribute", changed(&|l| l["attributes"] = json!({}))),
        ];
        for (what, letters) in bad {
            let faults = faults(flaw, &owed, &letters);
            assert_eq!(faults.len(), 1, "the checker does not see {what}: {faults:?}");
        }
    }
}
