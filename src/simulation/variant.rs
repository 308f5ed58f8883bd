//! Which Galaxy a survey is made in: the standard one, or another that the pipeline's choices were not made on.

/// The variant of a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    Standard,
    /// Another dust layer, another prior of the distances, other isochrones. The spectra of this variant come from
    /// other models too.
    Blind,
}

/// The dust layer of a variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DustLayer {
    /// Extinction in V of the whole layer toward the pole, mag.
    pub pole_av_mag: f64,
    /// Scale height, pc.
    pub height_pc: f64,
    /// Radius of the bubble without dust, pc.
    pub bubble_pc: f64,
    /// Spread of the clumps, dex.
    pub clump_dex: f64,
}

impl Variant {
    /// Its dust. Standard: 0.10 mag over 100 pc, that is 1 mag per kpc in the plane, beyond a bubble of 80 pc
    /// (Lallement et al. 2014, A&A 561, A91: 50 to 150 pc), clumps of 0.3 dex.
    pub fn dust(self) -> DustLayer {
        match self {
            Self::Standard => {
                DustLayer { pole_av_mag: 0.10, height_pc: 100.0, bubble_pc: 80.0, clump_dex: 0.3 }
            }
            Self::Blind => {
                DustLayer { pole_av_mag: 0.13, height_pc: 140.0, bubble_pc: 60.0, clump_dex: 0.4 }
            }
        }
    }

    /// Factor on the length scale of the prior of distances.
    pub fn distance_prior_factor(self) -> f64 {
        match self {
            Self::Standard => 1.0,
            Self::Blind => 1.6,
        }
    }

    /// What isochrones differ by from the survey's own main sequence: a shift of BP-RP (mag), of Teff (K), and
    /// magnitudes by which they are brighter at a color per dex.
    pub fn isochrone_shift(self) -> (f64, f64, f64) {
        match self {
            Self::Standard => (0.0, 0.0, 0.0),
            Self::Blind => (0.06, -40.0, -0.15),
        }
    }
}
