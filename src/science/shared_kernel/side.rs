//! Where rows stand relative to the tube, and the coefficients that this asks for.

/// Where a row stands relative to the tube.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Not a row of this problem.
    Out,
    /// Inside the tube.
    Zero,
    /// Coefficient C.
    Above,
    /// Coefficient -C.
    Below,
    /// On the upper edge.
    FreeAbove,
    /// On the lower edge.
    FreeBelow,
}

impl Side {
    /// Side of a row by its t.
    pub(super) fn of(t: f64, epsilon: f64, zone: f64) -> Self {
        if t.abs() <= epsilon {
            Self::Zero
        } else if t >= epsilon + zone {
            Self::Above
        } else if t > 0.0 {
            Self::FreeAbove
        } else if t <= -epsilon - zone {
            Self::Below
        } else {
            Self::FreeBelow
        }
    }

    /// Side of a row by its coefficient.
    pub(super) fn of_coefficient(v: f64, c: f64) -> Self {
        if v == 0.0 {
            Self::Zero
        } else if v >= c {
            Self::Above
        } else if v <= -c {
            Self::Below
        } else if v > 0.0 {
            Self::FreeAbove
        } else {
            Self::FreeBelow
        }
    }

    /// The coefficient of a row that is not free.
    pub(super) fn bound(self, c: f64) -> Option<f64> {
        match self {
            Self::Out | Self::Zero => Some(0.0),
            Self::Above => Some(c),
            Self::Below => Some(-c),
            Self::FreeAbove | Self::FreeBelow => None,
        }
    }

    /// The residual of a free row of no width.
    pub(super) fn edge(self, epsilon: f64) -> f64 {
        if self == Self::FreeAbove { epsilon } else { -epsilon }
    }
}
