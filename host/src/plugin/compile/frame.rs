//! What the compiling process writes to its standard output: one frame, sealed
//! with a hash. Whatever else comes out of it is not used.

use sha2::{Digest, Sha256};

/// In front of every frame; the digit goes up when its form changes.
const MAGIC: &[u8; 8] = b"CDCOMP1\n";

/// Bytes before the payload: magic, kind, length, hash.
pub(super) const HEADER: usize = 8 + 1 + 8 + 32;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Compiled code.
    Code,
    /// Why the bytes are no valid component, for people.
    Invalid,
    /// The compiler was refused memory and said so.
    OutOfMemory,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Code => b'C',
            Self::Invalid => b'I',
            Self::OutOfMemory => b'M',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Code, Self::Invalid, Self::OutOfMemory]
            .into_iter()
            .find(|kind| kind.byte() == byte)
    }
}

/// What goes before a payload.
pub(super) fn header(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(MAGIC);
    header.push(kind.byte());
    header.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    header.extend_from_slice(&Sha256::digest(payload));
    header
}

/// A whole frame and nothing else, or nothing.
pub(super) fn open(mut written: Vec<u8>) -> Option<(Kind, Vec<u8>)> {
    let (header, payload) = written.split_at_checked(HEADER)?;
    let rest = header.strip_prefix(MAGIC)?;
    let (kind, rest) = rest.split_first()?;
    let (length, hash) = rest.split_first_chunk::<8>()?;
    let kind = Kind::of(*kind)?;
    let intact =
        u64::from_le_bytes(*length) == payload.len() as u64 && Sha256::digest(payload)[..] == *hash;
    if !intact {
        return None;
    }
    written.drain(..HEADER);
    Some((kind, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_frame_is_opened() {
        for kind in [Kind::Code, Kind::Invalid, Kind::OutOfMemory] {
            let whole = [header(kind, b"payload"), b"payload".to_vec()].concat();
            assert_eq!(open(whole.clone()), Some((kind, b"payload".to_vec())));
            for end in 0..whole.len() {
                assert_eq!(open(whole[..end].to_vec()), None, "{end}");
            }
            for place in 0..whole.len() {
                let mut other = whole.clone();
                other[place] ^= 0x40;
                assert_eq!(open(other), None, "{place}");
            }
            let more = [&whole[..], b"x"].concat();
            assert_eq!(open(more), None);
        }
    }
}
