//! An ordinary session: what the catalogs say, and the rows of a snapshot. Everything is asked for as text.

use std::pin::Pin;

use danube_wasm_egress_dial::Dialer;
use futures_util::{Stream, StreamExt as _};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, SimpleQueryRow, config::SslMode};

use crate::{
    config::Postgres,
    dial::{APPLICATION, SESSION_OPTIONS, dial, in_time, password},
    limits::ANSWER_MAX,
    refusal::{PgError, Said, refused},
};

/// See the module. The session ends when it is dropped.
pub(crate) struct Sql {
    client: Client,
    config: Postgres,
    task: JoinHandle<()>,
}

/// Rows as they come, without those that are still at the server.
pub(crate) struct Rows {
    stream: Pin<Box<dyn Stream<Item = Result<SimpleQueryMessage, tokio_postgres::Error>> + Send>>,
    config: Postgres,
}

impl Drop for Sql {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sql {
    /// Signs in.
    pub(crate) async fn open(config: &Postgres, dialer: &Dialer) -> Result<Self, PgError> {
        let socket = dial(config, dialer).await?;
        let mut settings = tokio_postgres::Config::new();
        settings
            .user(&config.user)
            .dbname(config.url.database())
            .application_name(APPLICATION)
            .options(SESSION_OPTIONS)
            // The socket is encrypted already where it is to be.
            .ssl_mode(SslMode::Disable);
        if let Some(password) = password(config).await? {
            settings.password(password);
        }
        let signing_in = async {
            let signed_in = settings.connect_raw(socket, NoTls).await;
            signed_in.map_err(|error| failed(config, "signing in", &error))
        };
        let (client, connection) = in_time(config, config.connect_timeout, signing_in).await?;
        // Its end is seen by whoever asks next.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            client,
            config: config.clone(),
            task,
        })
    }

    /// All rows of a statement; `what` says what it is for.
    pub(crate) async fn rows(&self, what: &str, statement: &str) -> Result<Vec<SimpleQueryRow>, PgError> {
        let asking = async {
            let answer = self.client.simple_query(statement).await;
            answer.map_err(|error| failed(&self.config, what, &error))
        };
        let answer = in_time(&self.config, ANSWER_MAX, asking).await?;
        let rows = answer.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The first row of a statement that has one.
    pub(crate) async fn row(&self, what: &str, statement: &str) -> Result<SimpleQueryRow, PgError> {
        let rows = self.rows(what, statement).await?;
        let none = || PgError::transient(format!("{}: {what} has no answer", self.config.url));
        rows.into_iter().next().ok_or_else(none)
    }

    /// Rows as they come, however long that takes.
    pub(crate) async fn stream(&self, what: &str, statement: &str) -> Result<Rows, PgError> {
        let stream = self.client.simple_query_raw(statement).await;
        let stream = stream.map_err(|error| failed(&self.config, what, &error))?;
        Ok(Rows {
            stream: Box::pin(stream),
            config: self.config.clone(),
        })
    }
}

impl Rows {
    /// The next one; none after the last. May be cancelled.
    pub(crate) async fn next(&mut self) -> Result<Option<SimpleQueryRow>, PgError> {
        while let Some(message) = self.stream.next().await {
            let message = message.map_err(|error| failed(&self.config, "reading rows", &error))?;
            if let SimpleQueryMessage::Row(row) = message {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// A column of a row; empty for NULL.
pub(crate) fn text(row: &SimpleQueryRow, column: &str) -> String {
    optional(row, column).unwrap_or_default()
}

/// A column of a row that may be NULL, or may not be there.
pub(crate) fn optional(row: &SimpleQueryRow, column: &str) -> Option<String> {
    row.try_get(column).ok().flatten().map(str::to_owned)
}

/// Whether a boolean column is true.
pub(crate) fn flag(row: &SimpleQueryRow, column: &str) -> bool {
    optional(row, column).as_deref() == Some("t")
}

fn failed(config: &Postgres, what: &str, error: &tokio_postgres::Error) -> PgError {
    match error.as_db_error() {
        Some(said) => refused(config, what, Said::from(said)),
        None => {
            let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})"));
            let message = format!("{}: {what} failed: {error}{}", config.url, cause.unwrap_or_default());
            // Such as a password that is asked for and not given.
            match config.password.is_none() && error.to_string().contains("authentication") {
                true => PgError::permanent(format!("{message}. Write `password`")),
                false => PgError::transient(message),
            }
        }
    }
}
