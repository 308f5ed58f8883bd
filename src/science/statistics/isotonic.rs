//! Monotone regression: the best fit that never falls, or never rises.

/// Which way a fit may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Never falls.
    Rising,
    /// Never rises.
    Falling,
}

/// The monotone sequence nearest to `values`, `(n,)`, in weighted squares: pool adjacent violators.
///
/// Weights are positive; values stand in the order of what they depend on. Barlow et al. 1972, *Statistical inference
/// under order restrictions*.
pub fn isotonic(values: &[f64], weights: &[f64], trend: Trend) -> Vec<f64> {
    let sign = if trend == Trend::Rising { 1.0 } else { -1.0 };
    let mut blocks: Vec<Block> = Vec::new();
    for (value, &weight) in values.iter().zip(weights) {
        let mut block = Block { mean: sign * value, weight, n: 1 };
        while let Some(last) = blocks.pop_if(|last| last.mean >= block.mean) {
            block = last.pooled(block);
        }
        blocks.push(block);
    }
    blocks.iter().flat_map(|b| std::iter::repeat_n(sign * b.mean, b.n)).collect()
}

/// Neighbors of one fitted value.
#[derive(Clone, Copy)]
struct Block {
    mean: f64,
    weight: f64,
    n: usize,
}

impl Block {
    fn pooled(self, next: Block) -> Block {
        let weight = self.weight + next.weight;
        let mean = (self.mean * self.weight + next.mean * next.weight) / weight;
        Block { mean, weight, n: self.n + next.n }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled_to_their_weighted_mean() {
        let fit = isotonic(&[1.0, 3.0, 2.0, 4.0], &[1.0, 1.0, 3.0, 1.0], Trend::Rising);
        assert_eq!(fit, [1.0, 2.25, 2.25, 4.0]);
        let fit = isotonic(&[1.0, 3.0, 2.0], &[1.0; 3], Trend::Falling);
        assert_eq!(fit, [2.0; 3]);
        assert_eq!(
            isotonic(&[5.0, 4.0, 4.0, 1.0], &[1.0; 4], Trend::Falling),
            [5.0, 4.0, 4.0, 1.0]
        );
        assert!(isotonic(&[], &[], Trend::Rising).is_empty());
    }

    #[test]
    fn nothing_monotone_is_nearer() {
        let values: Vec<f64> =
            (0..40).map(|i| (i as f64 * 0.618).fract() + 0.02 * i as f64).collect();
        let weights: Vec<f64> = (0..40).map(|i| 1.0 + (i as f64 * 0.414).fract()).collect();
        let fit = isotonic(&values, &weights, Trend::Rising);
        assert!(fit.is_sorted());
        let cost = |fit: &[f64]| -> f64 {
            fit.iter().zip(&values).zip(&weights).map(|((f, v), w)| w * (f - v) * (f - v)).sum()
        };
        // Any move towards another monotone sequence costs more.
        for step in [0.1, -0.1] {
            let other: Vec<f64> =
                (0..40).map(|i| fit[i] + step * (i as f64 / 20.0 - 1.0) * 0.01).collect();
            if other.is_sorted() {
                assert!(cost(&other) >= cost(&fit));
            }
        }
        let mean = |v: &[f64]| v.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>();
        assert!((mean(&fit) - mean(&values)).abs() < 1e-9, "pooling keeps the weighted mean");
    }
}
