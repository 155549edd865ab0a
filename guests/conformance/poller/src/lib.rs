//! Orders are fetched from a feed: the poller that every SDK ships and the conformance suite runs. See docs/testing.md.
//!
//! Keys of `config`, others are refused: `url`, what is asked; `timeout_ms` (default 1000), how long each request may take.

use std::time::Duration;

use danube_connector::{
    Column, Config, Error, Event, PageBuilder, PolledEvent, PollingSource, ProducerConfig, Records, Result, Room,
    SourceConnector, SourceRecord, SourceSettings, export_polling_source,
    http::{Request, Response},
    state,
};
use serde::Deserialize;
use serde_json::{Value, json};

const CURSOR: &str = "cursor";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    url: String,
    timeout_ms: u32,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            url: String::new(),
            timeout_ms: 1000,
        }
    }
}

/// What the feed answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    orders: Vec<Value>,
    next: Option<String>,
    reset: bool,
    more: bool,
    again_ms: Option<u64>,
    ack: Option<String>,
    panic: bool,
}

#[derive(Debug)]
struct OrderFeed {
    settings: SourceSettings<Own>,
    topic: String,
}

impl SourceConnector for OrderFeed {
    fn initialize(config: Config) -> Result<Self> {
        let settings: SourceSettings<Own> = config.settings()?;
        let endpoint = settings.endpoints.first();
        let topic = endpoint
            .map(|endpoint| endpoint.danube_topic.clone())
            .unwrap_or_default();
        Ok(Self { settings, topic })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        self.settings.producer_configs()
    }

    fn wants(&self) -> Vec<Column> {
        vec![Column::Keys]
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let record = SourceRecord::forward(&*self.topic, event);
        Ok(match event.key() {
            Some(key) => record.with_key(key).into(),
            None => record.into(),
        })
    }
}

impl PollingSource for OrderFeed {
    fn fetch(&mut self, room: Room, page: &mut PageBuilder) -> Result<()> {
        let after = state::get_text(CURSOR).unwrap_or_else(|| "0".to_owned());
        let answer = self.ask(&after, room)?;
        for order in &answer.orders {
            let payload = order.to_string().into_bytes();
            let mut event = PolledEvent::new(payload)
                .with_id(order["id"].as_str().unwrap_or_default())
                .with_attribute("page", &*after);
            if let Some(customer) = order["customer"].as_str() {
                event = event.with_key(customer.as_bytes());
            }
            page.push(event);
        }
        if let Some(next) = &answer.next {
            state::set(CURSOR, next)?;
        }
        if answer.reset {
            state::delete(CURSOR)?;
        }
        assert!(!answer.panic, "the feed panics");
        if answer.more {
            page.again_after(Duration::ZERO);
        }
        if let Some(after) = answer.again_ms {
            page.again_after(Duration::from_millis(after));
        }
        answer.ack.map_or(Ok(()), |token| self.acknowledge(&token))
    }
}

impl OrderFeed {
    fn ask(&self, after: &str, room: Room) -> Result<Answer> {
        let url = format!("{}?after={after}&limit={}", self.settings.config.url, room.events);
        let response = self.send(Request::get(&url))?;
        if response.status != 200 {
            let error = Error::retryable(format!("the feed answered {}", response.status));
            let seconds = response.header("retry-after").and_then(|text| text.parse().ok());
            return Err(seconds
                .into_iter()
                .map(Duration::from_secs)
                .fold(error, Error::with_retry_after));
        }
        let text = str::from_utf8(&response.body).map_err(|_| Error::retryable("the answer is not UTF-8"))?;
        serde_json::from_str(text).map_err(|error| Error::retryable(format!("the answer is not JSON: {error}")))
    }

    fn acknowledge(&self, token: &str) -> Result<()> {
        let url = format!("{}/ack", self.settings.config.url);
        let request = Request::post(url, json!({ "ack": token }).to_string());
        match self.send(request.header("content-type", "application/json"))?.status {
            204 => Ok(()),
            _ => Err(Error::fatal("the feed refused the ack")),
        }
    }

    fn send(&self, request: Request) -> Result<Response> {
        let request = request
            .header("authorization", "secret:feed")
            .timeout(Duration::from_millis(self.settings.config.timeout_ms.into()));
        Ok(request.send()?)
    }
}

export_polling_source!(OrderFeed);
