//! Figure 6: the dereddened Hertzsprung-Russell diagram with isochrones.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{HrdFigure, Isochrone, hrd};

/// Ports and columns.
pub const READS: &[Read] = &[
    ("stars", &["obsid", "ap_Teff", "bt_Teff", "bp_rp_0", "M_G_0", "M_H"]),
    ("isochrones", &["MH", "Mini", "logTe", "Gmag"]),
    ("statistics", &["gradient_spearman"]),
];

/// Metallicities whose isochrones are drawn, dex, and how far from them one may lie.
const METALLICITIES: [f64; 4] = [-1.0, -0.5, 0.0, 0.5];
const NEAR: f64 = 0.06;
/// Masses whose places are joined, solar masses.
const MASSES: [f64; 5] = [0.15, 0.2, 0.3, 0.4, 0.6];

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, seed: u64) -> Result<Drawing, StageError> {
    let rows = lot(&data.ids("stars", "obsid")?, spec.n, seed);
    let of = |name: &str| -> Result<Vec<f64>, StageError> {
        let all = data.numbers("stars", name)?;
        Ok(rows.iter().map(|row| all[*row]).collect())
    };
    let tracks = tracks(data)?;
    let isochrones: Vec<Isochrone<'_>> = tracks.iter().map(Track::borrowed).collect();
    // There a height counts magnitudes, which are larger below the sequence.
    let rho = data.numbers("statistics", "gradient_spearman")?.first().map(|rho| -rho);
    let figure = HrdFigure {
        teff_ap: &of("ap_Teff")?,
        teff_bt: &of("bt_Teff")?,
        bp_rp: &of("bp_rp_0")?,
        m_g: &of("M_G_0")?,
        m_h: &of("M_H")?,
        isochrones: &isochrones,
        masses: &MASSES,
        rho: rho.filter(|rho| rho.is_finite()),
    };
    Ok(hrd(&figure, spec.origin()))
}

/// Rows of at most `n` stars, ascending: those of the lowest lots, each drawn by the star's own number.
pub fn lot(ids: &[i64], n: Option<usize>, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..ids.len()).collect();
    let Some(n) = n.filter(|n| *n < ids.len()) else { return rows };
    let drawn = |row: usize| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(ids[row] as u64);
        (rng.next_u64(), ids[row])
    };
    rows.sort_by_cached_key(|row| drawn(*row));
    rows.truncate(n);
    rows.sort_unstable();
    rows
}

struct Track {
    m_h: f64,
    mass: Vec<f64>,
    teff: Vec<f64>,
    m_g: Vec<f64>,
}

impl Track {
    fn borrowed(&self) -> Isochrone<'_> {
        Isochrone { m_h: self.m_h, mass: &self.mass, teff: &self.teff, m_g: &self.m_g }
    }
}

/// Of the isochrones those nearest to the wanted metallicities, in the order of mass, dwarfs only.
fn tracks(data: &Data<'_>) -> Result<Vec<Track>, StageError> {
    let of = |name: &str| data.numbers("isochrones", name);
    let (m_h, mass, log_teff, m_g) = (of("MH")?, of("Mini")?, of("logTe")?, of("Gmag")?);
    let mut known: Vec<f64> = m_h.iter().copied().filter(|m| m.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    known.dedup();
    let mut tracks = Vec::new();
    for wanted in METALLICITIES {
        let distance = |m: &f64| (m - wanted).abs();
        let nearest = known.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let Some(nearest) = nearest.filter(|m| distance(m) <= NEAR) else { continue };
        // Above a solar mass there are no M dwarfs, and giants beyond.
        let dwarf = |row: &usize| m_h[*row] == nearest && mass[*row] < 1.0;
        let mut rows: Vec<usize> = (0..m_h.len()).filter(dwarf).collect();
        rows.sort_by(|a, b| mass[*a].total_cmp(&mass[*b]));
        tracks.push(Track {
            m_h: nearest,
            mass: rows.iter().map(|row| mass[*row]).collect(),
            teff: rows.iter().map(|row| 10_f64.powf(log_teff[*row])).collect(),
            m_g: rows.iter().map(|row| m_g[*row]).collect(),
        });
    }
    Ok(tracks)
}
