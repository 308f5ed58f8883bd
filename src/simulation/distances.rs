//! Distances from parallaxes as Bailer-Jones et al. (2018, AJ 156, 58) give them.
//!
//! Posterior of a distance r: r^2 exp(-r/L) times the Gaussian of the parallax, whose zero point of -0.029 mas is taken
//! out. Point estimate: the mode; interval: the 68.27 percent of highest density.

use super::planted::PARALLAX_ZERO_POINT_MAS;

/// One row of their catalog, pc.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    pub r_est_pc: f64,
    pub r_lo_pc: f64,
    pub r_hi_pc: f64,
    /// Length scale of the prior.
    pub r_len_pc: f64,
}

/// Length scale, pc, of the prior in a Galactic direction: 0.4 kpc in the plane to 1 kpc at the poles, somewhat longer
/// toward the center. Their own comes from a model of the Galaxy; this has its range, not its values.
pub fn length_scale_pc(l_deg: f64, b_deg: f64) -> f64 {
    let (b, l) = (b_deg.to_radians(), l_deg.to_radians());
    400.0 + 600.0 * b.sin().abs() + 200.0 * b.cos() * (0.5 * (1.0 + l.cos())).powi(4)
}

/// Distance from a parallax and its error, mas, both finite, the error positive.
pub fn estimate(parallax_mas: f64, error_mas: f64, length_scale_pc: f64) -> Distance {
    let scale = length_scale_pc / 1e3;
    let corrected = parallax_mas - PARALLAX_ZERO_POINT_MAS;
    let mode = mode_kpc(corrected, error_mas, scale);
    let (low, high) = interval_kpc(mode, corrected, error_mas, scale);
    Distance {
        r_est_pc: mode * 1e3,
        r_lo_pc: low * 1e3,
        r_hi_pc: high * 1e3,
        r_len_pc: length_scale_pc,
    }
}

/// Nearest mode, kpc: the least positive root of r^3/L - 2 r^2 + r w/s^2 - 1/s^2 (Bailer-Jones 2015, PASP 127, 994, eq.
/// 19). Found between the first two of geometric steps of 10 percent where the cubic changes sign.
fn mode_kpc(parallax: f64, error: f64, scale: f64) -> f64 {
    let weight = 1.0 / (error * error);
    let cubic = |r: f64| ((r / scale - 2.0) * r + parallax * weight) * r - weight;
    let mut low = 1e-3;
    while low < 100.0 && cubic(low * 1.1) < 0.0 {
        low *= 1.1;
    }
    let mut high = low * 1.1;
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if cubic(middle) < 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Interval of highest density around the mode, kpc, from 240 steps over the part of the posterior that counts.
fn interval_kpc(mode: f64, parallax: f64, error: f64, scale: f64) -> (f64, f64) {
    const N: usize = 240;
    let log_density = |r: f64| {
        let off = (parallax - 1.0 / r) / error;
        2.0 * r.ln() - r / scale - 0.5 * off * off
    };
    let peak = log_density(mode);
    let edge = |toward: f64| {
        let mut step = 0.02 * mode;
        while log_density((mode + toward * step).max(1e-6)) > peak - 14.0 && step < 50.0 {
            step *= 1.3;
        }
        (mode + toward * step).max(1e-6)
    };
    let (low, high) = (edge(-1.0), edge(1.0));
    let width = (high - low) / N as f64;
    let at = |i: usize| low + (i as f64 + 0.5) * width;
    let density: Vec<f64> = (0..N).map(|i| (log_density(at(i)) - peak).exp()).collect();
    let total: f64 = density.iter().sum();
    let (mut least, mut most) = (0.0, 1.0);
    for _ in 0..30 {
        let level = 0.5 * (least + most);
        let inside: f64 = density.iter().filter(|d| **d >= level).sum();
        if inside > 0.6827 * total { least = level } else { most = level }
    }
    let level = 0.5 * (least + most);
    let first = density.iter().position(|d| *d >= level).unwrap_or(N / 2);
    let last = density.iter().rposition(|d| *d >= level).unwrap_or(N / 2);
    (at(first) - 0.5 * width, at(last) + 0.5 * width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precise_parallax_gives_its_inverse() {
        let distance = estimate(10.0 + PARALLAX_ZERO_POINT_MAS, 0.05, 400.0);
        assert!((distance.r_est_pc - 100.0).abs() < 0.02, "{distance:?}");
        let half = 0.5 * (distance.r_hi_pc - distance.r_lo_pc);
        assert!((half / 0.5 - 1.0).abs() < 0.05, "{distance:?}");
    }

    #[test]
    fn without_information_the_prior_remains() {
        let distance = estimate(-3.0, 3.0, 500.0);
        // The mode of r^2 exp(-r/L) is 2 L; a negative parallax pushes outward.
        assert!(distance.r_est_pc > 600.0 && distance.r_est_pc < 1_400.0, "{distance:?}");
        assert!(distance.r_lo_pc < distance.r_est_pc && distance.r_hi_pc > distance.r_est_pc);
    }

    /// One published row: the source 1563586799775391104 has r_est 91.8905, r_lo 91.6530, r_hi 92.1293 pc at a length
    /// scale of 395.29 pc; the interval implies an error of 0.0282 mas.
    #[test]
    fn agrees_with_a_published_row() {
        let parallax = 1e3 / 91.8905 + PARALLAX_ZERO_POINT_MAS;
        let distance = estimate(parallax, 0.0282, 395.29407911134);
        assert!((distance.r_est_pc - 91.8905).abs() < 0.01, "{distance:?}");
        assert!((distance.r_lo_pc - 91.6530).abs() < 0.02, "{distance:?}");
        assert!((distance.r_hi_pc - 92.1293).abs() < 0.02, "{distance:?}");
    }
}
