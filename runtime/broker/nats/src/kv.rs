//! A bucket of keys and values: a stream that keeps the newest message of each subject, changed by compare-and-set.

use async_nats::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use danube_wasm_broker::{ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OnceCell;

use crate::{
    error::{NO_MESSAGE, STREAM_NAME_IN_USE, WRONG_LAST_SEQUENCE, conflict, unavailable},
    limits,
    session::{NoAnswer, Session, parse},
    topic::StreamInfo,
};

/// See the module.
pub(crate) struct Bucket {
    session: Arc<Session>,
    name: String,
    made: OnceCell<()>,
}

/// A value, and its revision: unique in its bucket, and growing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Bytes,
    pub(crate) revision: u64,
}

#[derive(Deserialize)]
struct Stored {
    message: StoredMessage,
}

#[derive(Deserialize)]
struct StoredMessage {
    seq: u64,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Written {
    seq: u64,
}

impl Bucket {
    /// A bucket that is made at first use.
    pub(crate) fn new(session: Arc<Session>, purpose: &str) -> Self {
        let name = format!("{}-{purpose}", session.options.prefix);
        Self {
            session,
            name,
            made: OnceCell::new(),
        }
    }

    fn stream(&self) -> String {
        format!("KV_{}", self.name)
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }

    async fn make(&self) -> Result<()> {
        let made = self.made.get_or_try_init(|| async {
            let options = &self.session.options;
            let stream = self.stream();
            let mut config = json!({
                "name": stream, "subjects": [self.subject(">")], "storage": "file", "retention": "limits",
                "num_replicas": options.replicas, "max_msgs_per_subject": 1, "discard": "new",
                "allow_rollup_hdrs": true, "deny_delete": true, "max_bytes": -1, "max_msgs": -1,
                "max_consumers": -1, "max_age": 0, "max_msg_size": -1,
            });
            if !options.placement_tags.is_empty() {
                config["placement"] = json!({"tags": options.placement_tags});
            }
            let (call, doing) = (
                format!("STREAM.CREATE.{stream}"),
                format!("making the bucket {}", self.name),
            );
            match self.session.api_answer::<Value>(&call, &config, &doing).await? {
                Ok(_) => {}
                // By a process with other options, or an older server with other defaults.
                Err(error) if error.err_code == STREAM_NAME_IN_USE => self.confirm(&doing).await?,
                Err(error) => return Err(error.explain(&doing)),
            }
            Ok(())
        });
        made.await.copied()
    }

    /// Whether what is there serves.
    async fn confirm(&self, doing: &str) -> Result<()> {
        let info: StreamInfo = self
            .session
            .api(&format!("STREAM.INFO.{}", self.stream()), &json!({}), doing)
            .await?;
        let config = &info.config;
        let serves = config.subjects == [self.subject(">")]
            && config.max_msgs_per_subject == 1
            && config.max_age == 0
            && config.storage == "file";
        match serves {
            true => Ok(()),
            false => Err(conflict(format!(
                "{doing}: the stream {} was made by another program: delete or rename it, or set another `prefix`",
                self.stream()
            ))),
        }
    }

    /// The newest value of a key.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.make().await?;
        let call = format!("STREAM.MSG.GET.{}", self.stream());
        let body = json!({"last_by_subj": self.subject(key)});
        let doing = format!("reading {key}");
        let found = self.session.api_answer::<Stored>(&call, &body, &doing).await?;
        match found {
            Ok(Stored { message }) => Ok(Some(Entry {
                value: STANDARD.decode(message.data).unwrap_or_default().into(),
                revision: message.seq,
            })),
            Err(error) if error.err_code == NO_MESSAGE => Ok(None),
            Err(error) => Err(error.explain(&doing)),
        }
    }

    /// Writes a value where the newest has this revision, 0 for none. `None` if it has another. Without an answer it is
    /// not known whether it was written.
    pub(crate) async fn put(&self, key: &str, value: Bytes, revision: u64) -> Result<Option<u64>> {
        self.make().await?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", revision.to_string());
        let doing = format!("writing {key}");
        let answer = self
            .session
            .send(self.subject(key), Some(headers), value, limits::CALL_TIMEOUT)
            .await?;
        let message = answer.map_err(|why| match why {
            NoAnswer::NoResponders => unavailable(format!("{doing}: the bucket has no leader now")),
            _ => self.session.silence(&doing),
        })?;
        match parse::<Written>(&message.payload) {
            Ok(written) => Ok(Some(written.seq)),
            Err(error) if error.err_code == WRONG_LAST_SEQUENCE => Ok(None),
            Err(error) => Err(error.explain(&doing)),
        }
    }

    /// Keys that begin so (whole tokens), without the beginning.
    pub(crate) async fn keys(&self, beginning: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Info {
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            subjects: std::collections::BTreeMap<String, u64>,
        }
        self.make().await?;
        let prefix = self.subject(&format!("{beginning}."));
        let body = json!({"subjects_filter": format!("{prefix}>")});
        let info: Info = match self
            .session
            .api(&format!("STREAM.INFO.{}", self.stream()), &body, "listing keys")
            .await
        {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let keys = info.state.subjects.into_keys();
        Ok(keys
            .filter_map(|key| key.strip_prefix(&prefix).map(str::to_owned))
            .collect())
    }
}
