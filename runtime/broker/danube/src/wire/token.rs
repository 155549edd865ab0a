//! The bearer token, re-read when its file changes.

use std::{io, time::Instant};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use parking_lot::Mutex;
use tonic::metadata::{Ascii, MetadataValue};

use crate::{limits::TOKEN_FRESH, options::Token};

/// Where the token comes from.
#[derive(Debug)]
pub(super) struct Tokens {
    source: Option<Token>,
    read: Mutex<Option<(Instant, MetadataValue<Ascii>)>>,
}

impl Tokens {
    pub(super) fn new(source: Option<Token>) -> Self {
        Self {
            source,
            read: Mutex::default(),
        }
    }

    /// `Bearer …`, at most a second older than its file.
    pub(super) async fn bearer(&self) -> Result<Option<MetadataValue<Ascii>>> {
        let Some(source) = &self.source else {
            return Ok(None);
        };
        if let Some((at, value)) = &*self.read.lock()
            && (at.elapsed() < TOKEN_FRESH || !self.may_change())
        {
            return Ok(Some(value.clone()));
        }
        let value = match source {
            Token::Inline(secret) => bearer(secret.reveal(), "the configured token")?,
            Token::File(path) => {
                let name = format!("the token file {}", path.display());
                let text = tokio::fs::read_to_string(path).await.map_err(|e| {
                    let why = match e.kind() {
                        io::ErrorKind::InvalidData => "it is not text".to_owned(),
                        _ => e.to_string(),
                    };
                    BrokerError::new(ErrorKind::Denied, format!("cannot read {name}: {why}"))
                })?;
                bearer(text.trim(), &name)?
            }
        };
        *self.read.lock() = Some((Instant::now(), value.clone()));
        Ok(Some(value))
    }

    /// Whether the token may change.
    pub(super) fn may_change(&self) -> bool {
        matches!(self.source, Some(Token::File(_)))
    }

    /// Call it when the broker refused a token: reads it again, and returns whether there is another one now.
    pub(super) async fn renew(&self, refused: &MetadataValue<Ascii>) -> bool {
        *self.read.lock() = None;
        matches!(self.bearer().await, Ok(Some(token)) if token != refused)
    }

    /// Where the token comes from, for errors.
    pub(super) fn origin(&self) -> String {
        match &self.source {
            None => "no token is configured".to_owned(),
            Some(Token::Inline(_)) => "the configured token".to_owned(),
            Some(Token::File(path)) => format!("the token in {}", path.display()),
        }
    }
}

fn bearer(token: &str, name: &str) -> Result<MetadataValue<Ascii>> {
    let unusable = |why| {
        BrokerError::new(
            ErrorKind::Denied,
            format!("{name} {why}: put the token there, on one line"),
        )
    };
    if token.is_empty() {
        return Err(unusable("is empty"));
    }
    let mut value: MetadataValue<Ascii> = format!("Bearer {token}")
        .parse()
        .map_err(|_| unusable("holds more than a token"))?;
    // Kept out of logs and of header compression.
    value.set_sensitive(true);
    Ok(value)
}
