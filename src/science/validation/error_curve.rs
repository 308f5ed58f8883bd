//! How an error falls with the signal-to-noise ratio: laws fitted to pairs of ratio and error.
//!
//! Table 4 of Li et al. 2021 prints errors that are a function of the ratio in i alone, so that a law through its rows
//! is their error model. All laws here are linear in one or two numbers once the shape is fixed, so that the shape is
//! searched in one dimension and the rest solved.

/// A law of the error sigma at signal-to-noise ratio s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// sigma = a s^-b.
    Power,
    /// sigma = a s^-b + c.
    PowerOffset,
    /// sigma^2 = a^2 + (b / s)^2.
    Photon,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Power, Self::PowerOffset, Self::Photon];

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::PowerOffset => "power_offset",
            Self::Photon => "photon",
        }
    }

    /// The law at a ratio.
    pub fn sigma(self, [a, b, c]: [f64; 3], snr: f64) -> f64 {
        match self {
            Self::Power | Self::PowerOffset => a * snr.powf(-b) + c,
            Self::Photon => a.hypot(b / snr),
        }
    }
}

/// A fitted law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorCurve {
    /// Which law.
    pub shape: Shape,
    /// Its numbers a, b, c; c is 0 where the law has none.
    pub terms: [f64; 3],
    /// Points.
    pub n: usize,
    /// Root mean square of the residuals.
    pub rms: f64,
    /// Largest residual, absolute.
    pub largest: f64,
}

/// Fits a law by least squares in the error itself; `snr` and `sigma`, `(n,)`.
///
/// Points with a missing or non-positive number are left out. `None` below four points, where all ratios are equal, or
/// where the points do not decide on an offset.
pub fn fit_error_curve(shape: Shape, snr: &[f64], sigma: &[f64]) -> Option<ErrorCurve> {
    let sound = |(s, e): &(&f64, &f64)| s.is_finite() && e.is_finite() && **s > 0.0 && **e > 0.0;
    let points: Vec<(f64, f64)> =
        snr.iter().zip(sigma).filter(sound).map(|(s, e)| (*s, *e)).collect();
    if points.len() < 4 || points.iter().all(|p| p.0 == points[0].0) {
        return None;
    }
    // The photon law's shape is where floor and noise meet, in the logarithm of the ratio.
    let range = match shape {
        Shape::Power | Shape::PowerOffset => (0.01, 4.0),
        Shape::Photon => (-3.0, 12.0),
    };
    let cost = |at: f64| solved(shape, at, &points).1;
    let at = lowest(cost, range);
    // An offset that runs away with the exponent is none: the points do not tell them apart.
    if shape == Shape::PowerOffset && (at - range.0 < 1e-3 || range.1 - at < 1e-3) {
        return None;
    }
    let (terms, squares) = solved(shape, at, &points);
    let residual = |p: &(f64, f64)| (shape.sigma(terms, p.0) - p.1).abs();
    Some(ErrorCurve {
        shape,
        terms,
        n: points.len(),
        rms: (squares / points.len() as f64).sqrt(),
        largest: points.iter().map(residual).fold(0.0, f64::max),
    })
}

/// The best law of this shape, and its sum of squared residuals.
fn solved(shape: Shape, at: f64, points: &[(f64, f64)]) -> ([f64; 3], f64) {
    let base = |snr: f64| match shape {
        Shape::Power | Shape::PowerOffset => snr.powf(-at),
        Shape::Photon => 1f64.hypot(at.exp() / snr),
    };
    let n = points.len() as f64;
    let (mut f, mut ff, mut y, mut fy) = (0.0, 0.0, 0.0, 0.0);
    for (snr, sigma) in points {
        let x = base(*snr);
        f += x;
        ff += x * x;
        y += sigma;
        fy += x * sigma;
    }
    let terms = match shape {
        Shape::Power => [fy / ff, at, 0.0],
        Shape::PowerOffset => {
            let a = (n * fy - f * y) / (n * ff - f * f);
            [a, at, (y - a * f) / n]
        }
        Shape::Photon => [fy / ff, fy / ff * at.exp(), 0.0],
    };
    let squares = points.iter().map(|(s, e)| (shape.sigma(terms, *s) - e).powi(2)).sum();
    (terms, squares)
}

/// Where a function is lowest: the best of a coarse grid, then golden section about it.
fn lowest(of: impl Fn(f64) -> f64, (low, high): (f64, f64)) -> f64 {
    const N: usize = 80;
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let step = (high - low) / N as f64;
    let at = |i: usize| low + i as f64 * step;
    let mut best = (at(0), f64::INFINITY);
    for i in 0..=N {
        let value = of(at(i));
        if value < best.1 {
            best = (at(i), value);
        }
    }
    let (mut a, mut b) = ((best.0 - step).max(low), (best.0 + step).min(high));
    for _ in 0..50 {
        let (left, right) = (b - GOLDEN * (b - a), a + GOLDEN * (b - a));
        if of(left) <= of(right) { b = right } else { a = left }
    }
    0.5 * (a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNR: [f64; 8] = [8.0, 15.0, 27.0, 40.0, 62.0, 95.0, 144.0, 250.0];

    fn fitted(shape: Shape, terms: [f64; 3]) -> ErrorCurve {
        let sigma = SNR.map(|s| shape.sigma(terms, s));
        fit_error_curve(shape, &SNR, &sigma).unwrap()
    }

    #[test]
    fn exact_laws_come_back() {
        let laws = [
            (Shape::Power, [1.04, 0.49, 0.0]),
            (Shape::PowerOffset, [505.0, 0.511, -5.0]),
            (Shape::Photon, [35.0, 1_800.0, 0.0]),
        ];
        for (shape, terms) in laws {
            let found = fitted(shape, terms);
            assert!(found.largest < 1e-5 * terms[0], "{found:?}");
            let near =
                found.terms.iter().zip(&terms).all(|(f, t)| (f - t).abs() <= 1e-4 * t.abs() + 1e-6);
            assert!(near, "{found:?}");
        }
    }

    #[test]
    fn too_few_points_or_one_ratio_give_none() {
        assert_eq!(fit_error_curve(Shape::Power, &SNR[..3], &SNR[..3]), None);
        assert_eq!(fit_error_curve(Shape::Photon, &[9.0; 5], &[1.0, 2.0, 3.0, 4.0, 5.0]), None);
        let holes = [8.0, f64::NAN, -1.0, 40.0, 62.0, 95.0];
        assert_eq!(fit_error_curve(Shape::Power, &holes, &[1.0; 6]).unwrap().n, 4);
    }
}
