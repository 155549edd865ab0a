//! Reason codes of version 5, in words.

/// The code of version 5 for a return code of version 3.
pub(crate) fn of_version_3(code: u8) -> u8 {
    match code {
        0 => 0,
        1 => UNSUPPORTED_VERSION,
        2 => CLIENT_ID_INVALID,
        3 => SERVER_UNAVAILABLE,
        4 => BAD_CREDENTIALS,
        5 => NOT_AUTHORIZED,
        _ => 0x80,
    }
}

pub(crate) const UNSUPPORTED_VERSION: u8 = 0x84;
pub(crate) const CLIENT_ID_INVALID: u8 = 0x85;
pub(crate) const BAD_CREDENTIALS: u8 = 0x86;
pub(crate) const NOT_AUTHORIZED: u8 = 0x87;
pub(crate) const SERVER_UNAVAILABLE: u8 = 0x88;
pub(crate) const SESSION_TAKEN_OVER: u8 = 0x8e;

/// The specification's words, for messages.
pub(crate) fn words(code: u8) -> &'static str {
    match code {
        0x00 => "normal disconnection",
        0x04 => "disconnect with will message",
        0x81 => "malformed packet",
        0x82 => "protocol error",
        0x83 => "implementation specific error",
        UNSUPPORTED_VERSION => "unsupported protocol version",
        CLIENT_ID_INVALID => "client identifier not valid",
        BAD_CREDENTIALS => "bad user name or password",
        NOT_AUTHORIZED => "not authorized",
        SERVER_UNAVAILABLE => "server unavailable",
        0x89 => "server busy",
        0x8a => "banned",
        0x8b => "server shutting down",
        0x8c => "bad authentication method",
        0x8d => "keep alive timeout",
        SESSION_TAKEN_OVER => "session taken over",
        0x8f => "topic filter invalid",
        0x90 => "topic name invalid",
        0x91 => "packet identifier in use",
        0x93 => "receive maximum exceeded",
        0x95 => "packet too large",
        0x96 => "message rate too high",
        0x97 => "quota exceeded",
        0x98 => "administrative action",
        0x9b => "QoS not supported",
        0x9c => "use another server",
        0x9d => "server moved",
        0x9e => "shared subscriptions not supported",
        0x9f => "connection rate exceeded",
        0xa0 => "maximum connect time",
        0xa1 => "subscription identifiers not supported",
        0xa2 => "wildcard subscriptions not supported",
        _ => "unspecified error",
    }
}
