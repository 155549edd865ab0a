//! Credentials files of NATS: a token of a user, signed by its account, and the seed that answers the server's nonce.

use std::{path::Path, sync::Arc};

use danube_wasm_broker::Result;
use data_encoding::BASE32_NOPAD;
use rustls::{SignatureScheme, crypto::aws_lc_rs, sign::SigningKey};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::denied;

/// What stands before the 32 bytes of an Ed25519 seed in PKCS #8.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// Two bytes that say what kind of seed it is, 32 of the seed, two of a checksum.
const SEED_BYTES: usize = 2 + 32 + 2;

/// A user's token and key.
pub(crate) struct Credentials {
    pub(crate) jwt: String,
    key: Arc<dyn SigningKey>,
}

impl Credentials {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|e| denied(format!("the credentials {} cannot be read: {e}", file.display())))?;
        Self::parse(&text, &file.display().to_string())
    }

    /// `origin` is where the text is from, for messages.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self> {
        let malformed = |what: &str| {
            denied(format!(
                "{origin} has no {what}: write the user's credentials anew with `nsc generate creds`"
            ))
        };
        let jwt = section(text, "NATS USER JWT").ok_or_else(|| malformed("user's token"))?;
        let seed = section(text, "USER NKEY SEED").ok_or_else(|| malformed("user's seed"))?;
        let key = signing_key(&seed).ok_or_else(|| malformed("usable seed"))?;
        Ok(Self { jwt, key })
    }

    /// The answer to a server's nonce.
    pub(crate) fn sign(&self, nonce: &[u8]) -> Option<Vec<u8>> {
        let signer = self.key.choose_scheme(&[SignatureScheme::ED25519])?;
        signer.sign(nonce).ok()
    }
}

/// The text between `BEGIN name` and the next line of dashes.
fn section(text: &str, name: &str) -> Option<String> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.contains(&format!("BEGIN {name}")));
    lines.next()?;
    lines
        .find(|line| !line.is_empty())
        .filter(|line| !line.starts_with('-'))
        .map(str::to_owned)
}

fn signing_key(seed: &str) -> Option<Arc<dyn SigningKey>> {
    let bytes = BASE32_NOPAD.decode(seed.as_bytes()).ok()?;
    if bytes.len() != SEED_BYTES || u16::from_le_bytes([bytes[34], bytes[35]]) != crc16(&bytes[..34]) {
        return None;
    }
    let der = [&PKCS8_ED25519[..], &bytes[2..34]].concat();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der));
    aws_lc_rs::default_provider().key_provider.load_private_key(der).ok()
}

/// CRC-16/XMODEM, which seeds end with.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    })
}
