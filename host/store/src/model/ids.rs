//! Deliveries, items, attempts and lanes by number.

use std::fmt;
use std::str::FromStr;

/// A delivery's id: 128 bits in the layout of UUID version 7, given by the store.
/// Later ones are greater, whatever the clock does. Its text is that of a UUID:
/// 36 characters, lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(u128);

impl DeliveryId {
    /// An id from a time, a count within that time, and chance.
    pub(crate) fn new(ms: u64, count: u16, chance: u64) -> Self {
        let ms = u128::from(ms & 0xffff_ffff_ffff) << 80;
        let version = 0x7000_u128 << 64;
        let count = u128::from(count & 0x0fff) << 64;
        let chance = u128::from(chance >> 2) | (0b10 << 62);
        Self(ms | version | count | chance)
    }

    /// The smallest id of a time.
    pub(crate) fn first_of(ms: u64) -> Self {
        Self(u128::from(ms & 0xffff_ffff_ffff) << 80)
    }

    /// The time within it, in milliseconds.
    pub(crate) fn ms(self) -> u64 {
        // 48 bits are left.
        (self.0 >> 80) as u64
    }

    /// Its bytes, most significant first: they sort as the ids do.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| (self.0 >> shift) & ((1 << bits) - 1);
        let (a, b, c) = (part(96, 32), part(80, 16), part(64, 16));
        let (d, e) = (part(48, 16), part(0, 48));
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no delivery's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery's id has the form 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b")]
pub struct NotAnId;

impl FromStr for DeliveryId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        let well_formed = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match byte {
                b'-' => dash(at),
                b'0'..=b'9' | b'a'..=b'f' => !dash(at),
                _ => false,
            });
        if !well_formed {
            return Err(NotAnId);
        }
        let digits = text.replace('-', "");
        let number = u128::from_str_radix(&digits, 16);
        number.map(Self).map_err(|_| NotAnId)
    }
}

/// An item's number. A delivery's items have numbers in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u64);

/// The number of an attempt: one request with the items that it carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

/// A lane's number, the same over restarts. The first one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7_in_text_and_back() {
        let id = DeliveryId::new(0x0190_a1b2_c3d4, 0xe5f, u64::MAX);
        assert_eq!(id.to_string(), "0190a1b2-c3d4-7e5f-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(DeliveryId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.ms(), 0x0190_a1b2_c3d4);
    }

    #[test]
    fn a_text_that_is_no_id_is_refused() {
        for text in [
            "",
            "x",
            "0190a1b2-c3d4-7e5f-bfff-fffffffffff",
            "0190A1b2-c3d4-7e5f-bfff-ffffffffffff",
            "0190a1b2c3d4-7e5f-bfff-ffffffffffff-",
            "+190a1b2-c3d4-7e5f-bfff-ffffffffffff",
            "ü190a1b2-c3d4-7e5f-bfff-fffffffffff",
        ] {
            assert_eq!(text.parse::<DeliveryId>(), Err(NotAnId), "{text}");
        }
    }
}
