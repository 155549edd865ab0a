//! How a session in replication mode signs in.

use pgwire_replication::protocol::{
    ErrorFields, framing::MessageReader, framing::write_password_message, framing::write_startup_message,
};
use postgres_protocol::authentication::{
    md5_hash,
    sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256},
};

use super::session::{Connection, broke};
use crate::{
    config::Postgres,
    dial::{APPLICATION, SESSION_OPTIONS, Socket, password},
    limits::SENDER_TIMEOUT,
    refusal::{PgError, Said, refused},
};

/// Version 3.0 of the protocol.
const PROTOCOL: i32 = 3 << 16;

/// From a socket to a session that takes commands.
pub(super) async fn sign_in(config: &Postgres, socket: Box<dyn Socket>) -> Result<Connection, PgError> {
    let mut connection = Connection {
        socket: tokio::io::BufReader::with_capacity(crate::limits::READ_BYTES, socket),
        reader: MessageReader::new(),
    };
    let options = format!(
        "{SESSION_OPTIONS} -c wal_sender_timeout={}ms",
        SENDER_TIMEOUT.as_millis()
    );
    let parameters = [
        ("user", config.user.as_str()),
        ("database", config.url.database()),
        ("replication", "database"),
        ("client_encoding", "UTF8"),
        ("application_name", APPLICATION),
        ("options", options.as_str()),
    ];
    let written = write_startup_message(&mut connection.socket, PROTOCOL, &parameters).await;
    written.map_err(|error| broke(config, &error))?;
    let password = password(config).await?;
    let mut scram = None;
    loop {
        let message = connection.read(config).await?;
        match message.tag {
            b'R' => {
                answer(
                    config,
                    &mut connection,
                    &message.payload,
                    password.as_deref(),
                    &mut scram,
                )
                .await?
            }
            b'E' => {
                let said = Said::from(ErrorFields::parse(&message.payload));
                return Err(refused(config, "signing in for replication", said));
            }
            b'Z' => return Ok(connection),
            // Parameters, keys and notices.
            _ => {}
        }
    }
}

/// One step of what the server asks for.
async fn answer(
    config: &Postgres,
    connection: &mut Connection,
    asked: &[u8],
    password: Option<&[u8]>,
    scram: &mut Option<ScramSha256>,
) -> Result<(), PgError> {
    let malformed = || PgError::transient(format!("{} asks for a password in a way that is none", config.url));
    let (method, rest) = asked.split_first_chunk::<4>().ok_or_else(malformed)?;
    let method = i32::from_be_bytes(*method);
    if method == 0 {
        return Ok(());
    }
    let password = password.ok_or_else(|| {
        PgError::permanent(format!(
            "{} asks for the password of `{}`: write `password`",
            config.url, config.user
        ))
    })?;
    let fails = |error: std::io::Error| PgError::permanent(format!("{}: signing in fails: {error}", config.url));
    let reply = match method {
        3 => [password, b"\0"].concat(),
        5 => {
            let salt = rest.try_into().map_err(|_| malformed())?;
            let hash = md5_hash(config.user.as_bytes(), password, salt);
            [hash.as_bytes(), b"\0"].concat()
        }
        10 => {
            let mut mechanisms = rest.split(|byte| *byte == 0);
            if !mechanisms.any(|mechanism| mechanism == SCRAM_SHA_256.as_bytes()) {
                return Err(PgError::permanent(format!(
                    "{} signs nobody in with SCRAM-SHA-256 or a password: see the server's pg_hba.conf",
                    config.url
                )));
            }
            let begun = scram.insert(ScramSha256::new(password, ChannelBinding::unsupported()));
            let first = begun.message();
            let length = i32::try_from(first.len()).unwrap_or_default().to_be_bytes();
            [SCRAM_SHA_256.as_bytes(), b"\0", &length, first].concat()
        }
        11 => {
            let scram = scram.as_mut().ok_or_else(malformed)?;
            scram.update(rest).map_err(fails)?;
            scram.message().to_vec()
        }
        12 => return scram.as_mut().ok_or_else(malformed)?.finish(rest).map_err(fails),
        other => {
            return Err(PgError::permanent(format!(
                "{} asks for a way to sign in ({other}) that is not spoken here: allow `scram-sha-256` in the server's pg_hba.conf",
                config.url
            )));
        }
    };
    let written = write_password_message(&mut connection.socket, &reply).await;
    written.map_err(|error| broke(config, &error))
}
