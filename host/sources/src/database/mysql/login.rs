//! Who asks: the server's greeting, and the proof that the password is known.

use std::sync::Arc;

use rustls::ClientConfig;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::super::{DatabaseUrl, Stream, tls};
use super::packets::{Fields, Packets};
use super::results::Session;
use crate::failure::Failure;

/// What the client can and wants: long passwords and flags, a database, the
/// protocol of 4.1, transactions, secure passwords, ways to prove them.
const WANTED: u32 = 1 | 4 | 8 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
const ENCRYPTED: u32 = 0x800;

/// utf8mb4_general_ci, which every version has.
const TEXTS: u8 = 45;

const NATIVE: &[u8] = b"mysql_native_password";
const CACHING: &[u8] = b"caching_sha2_password";

/// What a server says first.
struct Greeting {
    version: String,
    can: u32,
    nonce: Vec<u8>,
    way: Vec<u8>,
}

pub(super) async fn login(
    url: &DatabaseUrl,
    stream: Box<dyn Stream>,
    trust: Arc<ClientConfig>,
) -> Result<Session, Failure> {
    let mut packets = Packets {
        stream,
        url: url.clone(),
        number: 0,
    };
    let first = packets.read().await?;
    let greeting = greeting(&first).ok_or_else(|| packets.nonsense("its greeting"))?;
    let mut flags = WANTED;
    if url.tls() {
        if greeting.can & ENCRYPTED == 0 {
            return Err(Failure::setting(format!(
                "the database {url} has no TLS: have it turned on, or set `sslmode=disable` in the URL if nobody can listen in between"
            )));
        }
        flags |= ENCRYPTED;
        packets.write(&beginning(flags)).await?;
        packets.stream = tls::wrap(url, packets.stream, trust).await?;
    }
    let mut answer = beginning(flags);
    answer.extend_from_slice(url.user.as_bytes());
    answer.push(0);
    let way = if greeting.way == CACHING {
        CACHING
    } else {
        NATIVE
    };
    let proof = proof(way, url.password(), &greeting.nonce);
    answer.push(proof.len() as u8);
    answer.extend_from_slice(&proof);
    answer.extend_from_slice(url.database.as_bytes());
    answer.push(0);
    answer.extend_from_slice(way);
    answer.push(0);
    packets.write(&answer).await?;
    prove(&mut packets).await?;
    Ok(Session::new(packets, greeting.version))
}

/// Answers until the server believes it.
async fn prove(packets: &mut Packets) -> Result<(), Failure> {
    // A server that goes on asking is none.
    for _ in 0..8 {
        let packet = packets.read().await?;
        let mut fields = Fields(&packet);
        match fields.number(1) {
            Some(0) => return Ok(()),
            Some(0xfe) => {
                let way = fields.text().to_vec();
                let nonce = fields.0.strip_suffix(b"\0").unwrap_or(fields.0);
                if way != NATIVE && way != CACHING {
                    return Err(Failure::setting(format!(
                        "the database {} wants the password by {:?}, which is not done here: give the user caching_sha2_password or mysql_native_password",
                        packets.url,
                        String::from_utf8_lossy(&way)
                    )));
                }
                let proof = proof(&way, packets.url.password(), nonce);
                packets.write(&proof).await?;
            }
            // The server has the password's hash at hand.
            Some(1) if fields.0 == [3] => {}
            // It hasn't, and needs the password itself.
            Some(1) if fields.0 == [4] => {
                if !packets.url.tls() {
                    return Err(Failure::setting(format!(
                        "the database {} wants the password itself, which is never sent unencrypted: set `sslmode=verify-full` in the URL, or give the user mysql_native_password",
                        packets.url
                    )));
                }
                let mut password = packets.url.password.as_bytes().to_vec();
                password.push(0);
                let sent = packets.write(&password).await;
                zeroize::Zeroize::zeroize(&mut password);
                sent?;
            }
            _ => return Err(packets.nonsense("a question about the password")),
        }
    }
    Err(packets.nonsense("one question about the password after the other"))
}

fn greeting(packet: &[u8]) -> Option<Greeting> {
    let mut fields = Fields(packet);
    if fields.number(1)? != 10 {
        return None;
    }
    let version = String::from_utf8_lossy(fields.text()).into_owned();
    fields.take(4)?;
    let mut nonce = fields.take(8)?.to_vec();
    fields.take(1)?;
    let low = fields.number(2)?;
    fields.take(3)?;
    let can = (fields.number(2)? << 16 | low) as u32;
    let length = fields.number(1)? as usize;
    fields.take(10)?;
    let rest = fields.take(length.saturating_sub(8).max(13))?;
    nonce.extend_from_slice(rest.strip_suffix(b"\0").unwrap_or(rest));
    Some(Greeting {
        version,
        can,
        nonce,
        way: fields.text().to_vec(),
    })
}

fn beginning(flags: u32) -> Vec<u8> {
    let mut packet = flags.to_le_bytes().to_vec();
    packet.extend_from_slice(&(16u32 << 20).to_le_bytes());
    packet.push(TEXTS);
    packet.resize(packet.len() + 23, 0);
    packet
}

/// Shows that the password is known without telling it.
fn proof(way: &[u8], password: &str, nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    if way == CACHING {
        let once = Sha256::digest(password);
        let twice = Sha256::digest(once);
        let with = Sha256::new()
            .chain_update(twice)
            .chain_update(nonce)
            .finalize();
        return once.iter().zip(&with).map(|(a, b)| a ^ b).collect();
    }
    let once = Sha1::digest(password);
    let twice = Sha1::digest(once);
    let with = Sha1::new()
        .chain_update(nonce)
        .chain_update(twice)
        .finalize();
    once.iter().zip(&with).map(|(a, b)| a ^ b).collect()
}
