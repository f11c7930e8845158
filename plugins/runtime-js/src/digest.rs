//! Hashes and HMACs of messages in which no secret is: they need no host.

use crate::contract::{Chunk, Digest};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Digest as _;

/// Whether a secret is named in a message.
pub fn has_secret(message: &[Chunk]) -> bool {
    message
        .iter()
        .any(|chunk| matches!(chunk, Chunk::Secret(_)))
}

/// The hash of the chunks, one after the other; what is secret counts as nothing.
pub fn hash(alg: Digest, message: &[Chunk]) -> Vec<u8> {
    let message = joined(message);
    match alg {
        Digest::Md5 => md5::Md5::digest(&message).to_vec(),
        Digest::Sha1 => sha1::Sha1::digest(&message).to_vec(),
        Digest::Sha256 => sha2::Sha256::digest(&message).to_vec(),
        Digest::Sha512 => sha2::Sha512::digest(&message).to_vec(),
    }
}

/// The last of the HMACs, each the key of the next.
pub fn hmac(alg: Digest, key: &[Chunk], messages: &[Vec<Chunk>]) -> Vec<u8> {
    messages.iter().fold(joined(key), |key, message| {
        let message = joined(message);
        match alg {
            Digest::Md5 => mac::<Hmac<md5::Md5>>(&key, &message),
            Digest::Sha1 => mac::<Hmac<sha1::Sha1>>(&key, &message),
            Digest::Sha256 => mac::<Hmac<sha2::Sha256>>(&key, &message),
            Digest::Sha512 => mac::<Hmac<sha2::Sha512>>(&key, &message),
        }
    })
}

/// HMAC takes keys of every length (RFC 2104), so it does not fail.
fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    <M as KeyInit>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn joined(chunks: &[Chunk]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        match chunk {
            Chunk::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            Chunk::Bytes(more) => bytes.extend_from_slice(more),
            Chunk::Secret(_) => {}
        }
    }
    bytes
}
