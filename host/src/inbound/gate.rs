//! Whether a webhook's caller knows the flow's secret.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::config::{WebhookDigest, WebhookEncoding, WebhookGate};

/// Longest header value that is looked at.
const MOST_VALUE: usize = 4096;

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether what came shows that its sender knows the secret. Without a gate of its
/// own it is for the tenant's tokens to say.
pub fn knows(gate: &WebhookGate, headers: &HeaderMap, body: &[u8]) -> bool {
    match gate {
        WebhookGate::Bearer => false,
        WebhookGate::Token {
            secret,
            header,
            prefix,
        } => {
            let Some(given) = given(headers, header, prefix) else {
                return false;
            };
            secret.expose().as_bytes().ct_eq(given.as_bytes()).into()
        }
        WebhookGate::Hmac {
            secret,
            header,
            algorithm,
            encoding,
            prefix,
        } => {
            let Some(given) = given(headers, header, prefix) else {
                return false;
            };
            let given = match encoding {
                WebhookEncoding::Hex => hex::decode(given).ok(),
                WebhookEncoding::Base64 => BASE64.decode(given).ok(),
            };
            let key = secret.expose().as_bytes();
            given.is_some_and(|given| match algorithm {
                WebhookDigest::Sha1 => is_mac::<Hmac<Sha1>>(key, body, &given),
                WebhookDigest::Sha256 => is_mac::<Hmac<Sha256>>(key, body, &given),
                WebhookDigest::Sha512 => is_mac::<Hmac<Sha512>>(key, body, &given),
            })
        }
    }
}

/// Compared in constant time, and whole.
fn is_mac<M: Mac + KeyInit>(key: &[u8], body: &[u8], given: &[u8]) -> bool {
    // HMAC takes keys of every length (RFC 2104).
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(given).is_ok()
}

/// What is behind the prefix in the one header of this name.
fn given<'h>(headers: &'h HeaderMap, name: &HeaderName, prefix: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() || value.len() > MOST_VALUE {
        return None;
    }
    value.trim_matches(' ').strip_prefix(prefix)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::config::Secret;

    const BODY: &[u8] = b"what do ya want for nothing?";

    fn hmac(algorithm: WebhookDigest, encoding: WebhookEncoding, prefix: &str) -> WebhookGate {
        WebhookGate::Hmac {
            secret: Secret::new("Jefe".into()),
            header: HeaderName::from_static("x-signature"),
            algorithm,
            encoding,
            prefix: prefix.into(),
        }
    }

    fn with(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-signature", HeaderValue::from_static(value));
        }
        headers
    }

    /// RFC 4231 and RFC 2202, case 2.
    #[test]
    fn a_signature_is_read_as_the_setting_has_it() {
        use WebhookDigest::{Sha1, Sha256, Sha512};
        use WebhookEncoding::{Base64, Hex};
        const HEX: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        for (gate, value) in [
            (hmac(Sha256, Hex, ""), HEX),
            (
                hmac(Sha256, Hex, "sha256="),
                "sha256=5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843",
            ),
            (
                hmac(Sha256, Base64, ""),
                "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
            ),
            (
                hmac(Sha256, Base64, ""),
                "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM",
            ),
            (
                hmac(Sha1, Hex, ""),
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                hmac(Sha512, Hex, ""),
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            assert!(knows(&gate, &with(&[value]), BODY), "{gate:?}");
            assert!(!knows(&gate, &with(&[value]), b"another body"));
        }
        let gate = hmac(Sha256, Hex, "");
        for values in [
            &[][..],
            &[""],
            &["5bdc"],
            &["no hex at all"],
            &[HEX, HEX],
            &["sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
        ] {
            assert!(!knows(&gate, &with(values), BODY), "{values:?}");
        }
    }

    #[test]
    fn a_token_is_the_secret_whole() {
        let gate = WebhookGate::Token {
            secret: Secret::new("a-token-of-the-shop".into()),
            header: HeaderName::from_static("x-signature"),
            prefix: "Bearer ".into(),
        };
        assert!(knows(&gate, &with(&["Bearer a-token-of-the-shop"]), b""));
        for value in ["a-token-of-the-shop", "Bearer a-token", "Bearer "] {
            assert!(!knows(&gate, &with(&[value]), b""), "{value}");
        }
        assert!(!knows(&WebhookGate::Bearer, &with(&[]), b""));
    }
}
