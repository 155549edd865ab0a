//! Bytes, as hex or base64.

use std::borrow::Cow;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::{Deserialize, Deserializer, Error};

use super::{Base64, Hex, Kind, quoted};

impl Kind<Vec<u8>> for Hex {
    fn is_default(value: &Vec<u8>) -> bool {
        value.is_empty()
    }

    fn write(value: &Vec<u8>, out: &mut Vec<u8>) {
        quoted(&hex::encode(value), out);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        hex::decode(&*text).map_err(|error| D::Error::custom(format!("an id is written in hex: {error}")))
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Kind<Vec<u8>> for Base64 {
    fn is_default(value: &Vec<u8>) -> bool {
        value.is_empty()
    }

    fn write(value: &Vec<u8>, out: &mut Vec<u8>) {
        quoted(&BASE64.encode(value), out);
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?
            .replace('-', "+")
            .replace('_', "/");
        BASE64
            .decode(text)
            .map_err(|error| D::Error::custom(format!("bytes are written in base64: {error}")))
    }
}
