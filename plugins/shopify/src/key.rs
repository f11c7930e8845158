//! What a mutation is known by when it arrives twice: `@idempotent(key: …)`.
//!
//! The platform answers a key that it has seen with the first answer, and
//! refuses it for anything else. So a key has to stay the same over the
//! attempts of one call and change with what is in it. A mutation of one item
//! has the item's own id; one of many has the FNV-1a hash of all their ids and
//! of what is sent. (A hash against accidents; whoever makes two of them meet
//! has done it to his own shop.)

/// FNV-1a, 128 bits.
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The key of a mutation of many items.
pub fn of_many<'a>(ids: impl Iterator<Item = &'a str>, sent: &str) -> String {
    let mut hash = OFFSET;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for id in ids {
        feed(id.as_bytes());
        feed(b"\0");
    }
    feed(sent.as_bytes());
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::of_many;

    #[test]
    fn a_key_changes_with_every_id_and_with_what_is_sent() {
        let key = of_many(["a", "b"].into_iter(), "1");
        assert_eq!(key, of_many(["a", "b"].into_iter(), "1"));
        for other in [
            of_many(["ab"].into_iter(), "1"),
            of_many(["b", "a"].into_iter(), "1"),
            of_many(["a", "b"].into_iter(), "2"),
            of_many(["a"].into_iter(), "1"),
        ] {
            assert_ne!(key, other);
        }
    }

    #[test]
    fn the_published_hash_of_nothing_and_of_a_letter_come_out() {
        assert_eq!(
            of_many([].into_iter(), ""),
            "6c62272e07bb014262b821756295c58d"
        );
        assert_eq!(
            of_many([].into_iter(), "a"),
            "d228cb696f1a8caf78912b704e4a8964"
        );
    }
}
