//! Shape-preserving cubic interpolation of short tables.

/// Cubic Hermite curve through points of rising x, whose slopes are limited so that it is monotone wherever the points
/// are (Fritsch & Carlson 1980, with the harmonic mean of Fritsch & Butland 1984). Straight beyond the ends.
#[derive(Debug, Clone)]
pub struct Monotone {
    x: Vec<f64>,
    y: Vec<f64>,
    slope: Vec<f64>,
}

impl Monotone {
    /// Through points (`x`, `y`); `x` rises strictly and has at least two values (the tables are constants).
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        let n = x.len().min(y.len());
        let secant: Vec<f64> = (1..n).map(|i| (y[i] - y[i - 1]) / (x[i] - x[i - 1])).collect();
        let slope = (0..n)
            .map(|i| match i {
                0 => secant[0],
                _ if i + 1 == n => secant[n - 2],
                _ => {
                    let (a, b) = (secant[i - 1], secant[i]);
                    if a * b <= 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
                }
            })
            .collect();
        Self { x: x[..n].to_vec(), y: y[..n].to_vec(), slope }
    }

    /// Value at `x`.
    pub fn at(&self, x: f64) -> f64 {
        let last = self.x.len() - 1;
        if x <= self.x[0] {
            return self.y[0] + self.slope[0] * (x - self.x[0]);
        }
        if x >= self.x[last] {
            return self.y[last] + self.slope[last] * (x - self.x[last]);
        }
        let i = self.x.partition_point(|node| *node <= x) - 1;
        let h = self.x[i + 1] - self.x[i];
        let t = (x - self.x[i]) / h;
        let (t2, t3) = (t * t, t * t * t);
        self.y[i] * (2.0 * t3 - 3.0 * t2 + 1.0)
            + self.y[i + 1] * (3.0 * t2 - 2.0 * t3)
            + h * (self.slope[i] * (t3 - 2.0 * t2 + t) + self.slope[i + 1] * (t3 - t2))
    }
}

#[cfg(test)]
mod tests {
    use super::Monotone;

    #[test]
    fn passes_through_its_points_and_stays_monotone() {
        let (x, y) = ([0.0, 1.0, 1.5, 4.0, 5.0], [1.0, 2.0, 2.0, 7.0, 7.5]);
        let curve = Monotone::new(&x, &y);
        for (x, y) in x.iter().zip(y) {
            assert!((curve.at(*x) - y).abs() < 1e-12);
        }
        let values: Vec<f64> = (0..=500).map(|i| curve.at(f64::from(i) / 100.0)).collect();
        assert!(values.windows(2).all(|w| w[1] >= w[0] - 1e-12));
        assert!((curve.at(6.0) - 8.0).abs() < 1e-12, "straight beyond the end");
    }
}
