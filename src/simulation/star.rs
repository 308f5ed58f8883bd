//! The truth of one object of the simulated survey, and of one of its spectra.

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Main-sequence M dwarf.
    Dwarf,
    /// K dwarf that the survey's templates took for an M dwarf.
    KDwarf,
    /// M giant.
    Giant,
    /// Star above the main sequence because it is still contracting.
    PreMainSequence,
    /// M dwarf with an unresolved white dwarf: below the main sequence in color and magnitude.
    WhiteDwarfPair,
    /// Fiber without a star in it.
    Sky,
}

impl Kind {
    /// All kinds, in the order of the enum.
    pub const ALL: [Self; 6] = [
        Self::Dwarf,
        Self::KDwarf,
        Self::Giant,
        Self::PreMainSequence,
        Self::WhiteDwarfPair,
        Self::Sky,
    ];

    /// Name in the truth table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dwarf => "dwarf",
            Self::KDwarf => "k_dwarf",
            Self::Giant => "giant",
            Self::PreMainSequence => "pre_main_sequence",
            Self::WhiteDwarfPair => "white_dwarf_pair",
            Self::Sky => "sky",
        }
    }
}

/// Stellar population, which sets chemistry and motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Population {
    ThinDisk,
    ThickDisk,
    Halo,
    /// Member of the cluster of that number in `clusters::CLUSTERS`.
    Cluster(u8),
}

impl Population {
    /// Name in the truth table.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThinDisk => "thin_disk",
            Self::ThickDisk => "thick_disk",
            Self::Halo => "halo",
            Self::Cluster(_) => "cluster",
        }
    }
}

/// Atmosphere and size of one star. Labels are on the scale of Mann et al. 2015 (and so of Birky et al. 2020), which
/// is the scale of the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Atmosphere {
    pub teff_k: f64,
    /// log10 of the surface gravity, cgs.
    pub logg: f64,
    pub m_h: f64,
    pub alpha_m: f64,
    pub mass_msun: f64,
    pub radius_rsun: f64,
}

/// Magnitudes in the bands of Gaia DR2 (Vega), SDSS r and i (AB) and 2MASS (Vega).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Magnitudes {
    pub g: f64,
    pub bp: f64,
    pub rp: f64,
    pub r: f64,
    pub i: f64,
    pub j: f64,
    pub h: f64,
    pub ks: f64,
}

/// A companion within the same fiber and the same Gaia source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Companion {
    /// True for a white dwarf; its `m_h` and `alpha_m` then mean nothing.
    pub white_dwarf: bool,
    pub atmosphere: Atmosphere,
    /// Light of the companion over that of the primary in Gaia G.
    pub flux_ratio_g: f64,
    /// The same in SDSS i.
    pub flux_ratio_i: f64,
    /// Projected separation.
    pub separation_au: f64,
    pub separation_arcsec: f64,
    /// Radial velocity of the companion less that of the primary at a visit, a typical value (km/s); large only for
    /// close pairs.
    pub delta_rv_km_s: f64,
}

/// Chromospheric activity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activity {
    /// True where H-alpha is in emission above 0.75 Angstrom (West et al. 2011).
    pub active: bool,
    /// Equivalent width of the H-alpha emission, positive in emission; 0 for an inactive star.
    pub h_alpha_ew_angstrom: f64,
}

/// Truth of one object: what the survey's instruments look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Star {
    /// Number of the object (see `objects`): names it in every stream of random numbers.
    pub id: u64,
    pub kind: Kind,
    pub population: Population,
    /// Number of the wide pair to which it belongs.
    pub wide_pair: Option<u32>,
    /// The primary's atmosphere.
    pub atmosphere: Atmosphere,
    /// Unresolved companion.
    pub companion: Option<Companion>,
    pub activity: Activity,
    pub age_gyr: f64,
    /// Direction at the epoch J2015.5, ICRS.
    pub ra_deg: f64,
    pub dec_deg: f64,
    /// The same direction, Galactic.
    pub l_deg: f64,
    pub b_deg: f64,
    pub distance_pc: f64,
    /// Proper motion, in right ascension times cos(dec).
    pub pmra_mas_yr: f64,
    pub pmdec_mas_yr: f64,
    pub rv_km_s: f64,
    /// Extinction in V on the line of sight.
    pub av_mag: f64,
    /// Absolute magnitudes of the whole source, without extinction.
    pub absolute: Magnitudes,
    /// Apparent magnitudes of the whole source, with extinction.
    pub apparent: Magnitudes,
}

impl Star {
    /// True parallax, mas.
    pub fn parallax_mas(&self) -> f64 {
        1000.0 / self.distance_pc
    }

    /// True Gaia color, without extinction.
    pub fn intrinsic_bp_rp(&self) -> f64 {
        self.absolute.bp - self.absolute.rp
    }
}

/// One spectrum to be taken of a star: where, when, how deep, and what is wrong with it on purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// The object.
    pub star_id: u64,
    /// Number of the visit of this star, from 0.
    pub number: u32,
    /// LAMOST's number of the spectrum: plan * 100,000 + spectrograph * 1,000 + fiber, unique in the survey. Names the
    /// spectrum in every stream of random numbers.
    pub obsid: u64,
    /// Local modified Julian day.
    pub lmjd: u32,
    /// Name of the plate, such as `HD124433N430735B01`.
    pub planid: String,
    /// Spectrograph, 1 to 16.
    pub spid: u8,
    /// Fiber, 1 to 250.
    pub fiberid: u16,
    /// Wanted median signal-to-noise ratio per pixel in SDSS i.
    pub snr_i: f64,
    /// Airmass of the middle of the exposure.
    pub airmass: f64,
    /// Position of the input catalog (epoch J2000), as in the header's RA and DEC.
    pub ra_deg: f64,
    pub dec_deg: f64,
    /// Position at which the fiber was put, as in the header's RA_OBS and DEC_OBS.
    pub ra_obs_deg: f64,
    pub dec_obs_deg: f64,
    /// What is wrong with this spectrum on purpose.
    pub fault: Option<super::planted::SpectrumFault>,
}
