//! Laws of errors and their values.

/// How an error follows from signal-to-noise ratio or formal error; all in the unit of the label.
#[derive(Debug, Clone, PartialEq)]
pub enum Law {
    /// The same for all.
    Constant {
        /// Error.
        sigma: f64,
    },
    /// sigma^2 = floor^2 + (slope / snr)^2.
    Photon {
        /// Error of a spectrum without noise.
        floor: f64,
        /// Error at a ratio of 1, but for the floor.
        slope: f64,
    },
    /// sigma = scale snr^-exponent.
    PowerLaw {
        /// Error at a ratio of 1.
        scale: f64,
        /// 0 or more.
        exponent: f64,
    },
    /// Straight between knots in the logarithms of both; beyond the last knot constant, below the first as 1 / snr.
    Curve {
        /// Ratios, ascending.
        snr: Vec<f64>,
        /// Errors, never rising.
        sigma: Vec<f64>,
    },
    /// sigma^2 = floor^2 + (scale formal)^2.
    Scaled {
        /// What the formal error leaves out.
        floor: f64,
        /// Factor of the formal error.
        scale: f64,
    },
    /// sigma = scale(snr) formal; the scale straight between knots in the logarithms of both, constant beyond.
    ScaledCurve {
        /// Ratios, ascending.
        snr: Vec<f64>,
        /// Factors, never falling.
        scale: Vec<f64>,
    },
}

impl Law {
    /// The error at this signal-to-noise ratio and formal error; NaN where what it needs is missing or not positive.
    pub fn sigma(&self, snr: f64, formal: f64) -> f64 {
        let positive = |value: f64| if value > 0.0 { value } else { f64::NAN };
        let (snr, formal) = (positive(snr), positive(formal));
        match self {
            Self::Constant { sigma } => *sigma,
            Self::Photon { floor, slope } => floor.hypot(slope / snr),
            Self::PowerLaw { scale, exponent } => scale * snr.powf(-exponent),
            Self::Curve { snr: knots, sigma } => {
                let below = knots.first().map_or(1.0, |first| (first / snr).max(1.0));
                interpolate(knots, sigma, snr) * below
            }
            Self::Scaled { floor, scale } => floor.hypot(scale * formal),
            Self::ScaledCurve { snr: knots, scale } => interpolate(knots, scale, snr) * formal,
        }
    }

    /// The word written to tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Photon { .. } => "photon",
            Self::PowerLaw { .. } => "power_law",
            Self::Curve { .. } => "curve",
            Self::Scaled { .. } => "scaled",
            Self::ScaledCurve { .. } => "scaled_curve",
        }
    }

    /// Whether the law asks for a signal-to-noise ratio.
    pub fn needs_snr(&self) -> bool {
        !matches!(self, Self::Constant { .. } | Self::Scaled { .. })
    }

    /// The law times a factor.
    pub fn times(&self, factor: f64) -> Self {
        let all = |values: &[f64]| values.iter().map(|v| v * factor).collect();
        match self {
            Self::Constant { sigma } => Self::Constant { sigma: sigma * factor },
            Self::Photon { floor, slope } => {
                Self::Photon { floor: floor * factor, slope: slope * factor }
            }
            Self::PowerLaw { scale, exponent } => {
                Self::PowerLaw { scale: scale * factor, exponent: *exponent }
            }
            Self::Curve { snr, sigma } => Self::Curve { snr: snr.clone(), sigma: all(sigma) },
            Self::Scaled { floor, scale } => {
                Self::Scaled { floor: floor * factor, scale: scale * factor }
            }
            Self::ScaledCurve { snr, scale } => {
                Self::ScaledCurve { snr: snr.clone(), scale: all(scale) }
            }
        }
    }

    /// The numbers of a law as two lists: knots, empty where it has none, and values.
    pub fn numbers(&self) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Constant { sigma } => (Vec::new(), vec![*sigma]),
            Self::Photon { floor, slope } => (Vec::new(), vec![*floor, *slope]),
            Self::PowerLaw { scale, exponent } => (Vec::new(), vec![*scale, *exponent]),
            Self::Scaled { floor, scale } => (Vec::new(), vec![*floor, *scale]),
            Self::Curve { snr, sigma } => (snr.clone(), sigma.clone()),
            Self::ScaledCurve { snr, scale } => (snr.clone(), scale.clone()),
        }
    }

    /// The law of [`Self::name`] and [`Self::numbers`]; `None` for an unknown name or too few numbers.
    pub fn read(name: &str, knots: Vec<f64>, values: Vec<f64>) -> Option<Self> {
        let at = |i: usize| values.get(i).copied();
        let sound = !knots.is_empty() && knots.len() == values.len() && knots.is_sorted();
        Some(match name {
            "constant" => Self::Constant { sigma: at(0)? },
            "photon" => Self::Photon { floor: at(0)?, slope: at(1)? },
            "power_law" => Self::PowerLaw { scale: at(0)?, exponent: at(1)? },
            "scaled" => Self::Scaled { floor: at(0)?, scale: at(1)? },
            "curve" if sound => Self::Curve { snr: knots, sigma: values },
            "scaled_curve" if sound => Self::ScaledCurve { snr: knots, scale: values },
            _ => return None,
        })
    }
}

/// Straight in the logarithms between knots, constant beyond.
fn interpolate(knots: &[f64], values: &[f64], at: f64) -> f64 {
    let above = knots.partition_point(|knot| *knot <= at);
    match above {
        _ if at.is_nan() || knots.is_empty() => f64::NAN,
        0 => values[0],
        _ if above == knots.len() => values[above - 1],
        _ => {
            let share = (at / knots[above - 1]).ln() / (knots[above] / knots[above - 1]).ln();
            (values[above - 1].ln() * (1.0 - share) + values[above].ln() * share).exp()
        }
    }
}
