//! Counter-based randomness: every draw belongs to (seed, object, purpose) and to nothing else.
//!
//! A stream is a ChaCha8 generator whose 256-bit key is made of the survey's seed, the object's number and the name of
//! what is drawn. So an object's draws depend neither on other objects, nor on the order in which objects are made, nor
//! on what else was drawn for it: a new star, or a new kind of draw, changes no other.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// Draws of one purpose for one object.
#[derive(Debug, Clone)]
pub struct Stream {
    generator: ChaCha8Rng,
    /// The second of a pair of normal deviates, kept for the next call.
    spare_normal: Option<f64>,
}

impl Stream {
    /// The stream of `purpose` for `object` in the survey of `seed`; the same three always give the same draws.
    pub fn new(seed: u64, object: u64, purpose: &str) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&object.to_le_bytes());
        key[16..24].copy_from_slice(&fnv1a(purpose, 0xcbf2_9ce4_8422_2325).to_le_bytes());
        key[24..].copy_from_slice(&fnv1a(purpose, 0x6c62_272e_07bb_0142).to_le_bytes());
        Self { generator: ChaCha8Rng::from_seed(key), spare_normal: None }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform in [0, 1), in steps of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [`low`, `high`).
    pub fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// True with probability `p` (never for 0 or less, always for 1 or more).
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Whole number in 0..`n`; 0 for `n` = 0. The bias of the multiplication is below 2^-40 for n < 2^24.
    pub fn index(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Normal deviate of mean 0 and standard deviation 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        // 1 - u lies in (0, 1], so the logarithm is finite; the largest deviate is 8.6.
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare_normal = Some(radius * sin);
        radius * cos
    }

    /// Normal deviate of the given mean and standard deviation.
    pub fn gaussian(&mut self, mean: f64, sigma: f64) -> f64 {
        mean + sigma * self.normal()
    }

    /// Normal deviate drawn again until it lies in [`low`, `high`]; after 1,000 misses it is clamped.
    pub fn gaussian_within(&mut self, mean: f64, sigma: f64, low: f64, high: f64) -> f64 {
        for _ in 0..1000 {
            let value = self.gaussian(mean, sigma);
            if (low..=high).contains(&value) {
                return value;
            }
        }
        mean.clamp(low, high)
    }

    /// Deviate whose decimal logarithm is normal: median `median`, spread `dex`.
    pub fn log_normal(&mut self, median: f64, dex: f64) -> f64 {
        median * 10f64.powf(dex * self.normal())
    }

    /// Exponential deviate of the given mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    /// Deviate of density x^`slope` on [`low`, `high`], both positive.
    pub fn power_law(&mut self, low: f64, high: f64, slope: f64) -> f64 {
        let (u, k) = (self.uniform(), slope + 1.0);
        if k.abs() < 1e-9 {
            return low * (high / low).powf(u);
        }
        let (a, b) = (low.powf(k), high.powf(k));
        (a + (b - a) * u).powf(1.0 / k)
    }

    /// Poisson deviate: exact below a mean of 60, a rounded normal above (skewness below 0.13, not of use here).
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean.is_nan() || mean <= 0.0 {
            return 0;
        }
        if mean > 60.0 {
            return self.gaussian(mean, mean.sqrt()).round().max(0.0) as u64;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    /// Number of the chosen item, in proportion to the weights; 0 when all are zero.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        for (i, weight) in weights.iter().enumerate() {
            if left < *weight {
                return i;
            }
            left -= weight;
        }
        0
    }
}

/// FNV-1a of a text (Fowler, Noll, Vo) from a given basis: two bases give the 128 bits of a purpose.
fn fnv1a(text: &str, basis: u64) -> u64 {
    text.bytes().fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[path = "random_tests.rs"]
mod tests;
