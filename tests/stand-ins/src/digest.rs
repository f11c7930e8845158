//! The digests that the platforms' signatures are made of.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

/// MD5 of the text's UTF-8, lower-case hex.
pub fn md5_hex(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

/// HMAC-SHA256 of the text's UTF-8, lower-case hex.
pub fn hmac_sha256_hex(key: &str, text: &str) -> String {
    // HMAC takes keys of any length; the empty string stands for the impossible.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321, appendix A.5, and RFC 4231, test case 2.
    #[test]
    fn the_standards_examples_come_out() {
        assert_eq!(md5_hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(
            hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            expected
        );
    }
}
