//! Chance that can be repeated: the same seed, the same numbers.

/// Where it begins unless `PINTLE_TEST_SEED` says otherwise.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// A small generator (xorshift64*).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The `stream`-th of the suite's generators; print [`Chance::seed`] with a failure.
    #[must_use]
    pub fn new(stream: u64) -> Self {
        let mut chance = Self((Self::seed() ^ stream.wrapping_mul(0xD134_2543_DE82_EF95)) | 1);
        // The first numbers of neighbouring seeds look alike.
        for _ in 0..8 {
            chance.number();
        }
        chance
    }

    /// What all generators of this run begin with.
    #[must_use]
    pub fn seed() -> u64 {
        std::env::var("PINTLE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 up to, and without, 1.
    pub fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }
}
