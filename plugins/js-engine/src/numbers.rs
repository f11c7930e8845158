//! How numbers arrive.

/// How numbers arrive that JavaScript's own cannot hold, or show otherwise
/// than they were written. A file says it with `export const`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Integers beyond 2^53 − 1 arrive as text, not as BigInt.
    pub integers_as_text: bool,
    /// Decimals arrive as text, not as numbers.
    pub decimals_as_text: bool,
}

impl Numbers {
    /// As one number, which JavaScript carries.
    pub fn flags(self) -> i32 {
        i32::from(self.integers_as_text) | (i32::from(self.decimals_as_text) << 1)
    }

    /// What [`flags`](Self::flags) gave.
    pub fn from_flags(flags: i32) -> Self {
        Self {
            integers_as_text: flags & 1 != 0,
            decimals_as_text: flags & 2 != 0,
        }
    }
}
