//! Numbers that look random and are the same every time, on every machine.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// The sequence that belongs to a text.
    pub fn of(text: &str) -> Self {
        // FNV-1a.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `most`, which is at least 1.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    /// A number from `least` to `most`, both of them possible.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something happens that happens once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several; nothing of none.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn the_same_text_gives_the_same_numbers() {
        let ten = |text| {
            let mut chance = Chance::of(text);
            (0..10).map(|_| chance.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(ten("stock.update"), ten("stock.update"));
        assert_ne!(ten("stock.update"), ten("stock.query"));
        let mut chance = Chance::of("x");
        assert!((0..1000).all(|_| (3..=5).contains(&chance.between(3, 5))));
        assert_eq!(chance.one::<u8>(&[]), None);
    }
}
