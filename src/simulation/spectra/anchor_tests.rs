//! The synthesis against measurements of real stars in the literature.

use super::grid::LAMOST_PIXELS;
use super::indices::{measure, zeta};
use super::lsf::{LineSpread, observe_shape};
use super::synthesis::{Labels, Physics, Synthesizer};
use crate::science::continuum::{ContinuumSettings, normalize};
use crate::science::wavelength::wave_of_index;

/// Surface gravity of a main-sequence dwarf (science of the spine: log M - 2 log R of Pecaut & Mamajek 2013).
pub(super) fn dwarf(teff_k: f64, m_h: f64) -> Labels {
    let logg = (4.65 + (3850.0 - teff_k) * 5.5e-4).clamp(4.5, 5.3);
    let alpha_m = (0.05 - 0.15 * m_h).clamp(-0.05, 0.35);
    Labels { m_h, alpha_m, ..Labels::solar(teff_k, logg) }
}

fn pixels(synthesizer: &Synthesizer, labels: &Labels) -> Vec<f64> {
    observe_shape(&synthesizer.surface_flux(labels), 0.0, &LineSpread::NOMINAL)
}

fn indices(synthesizer: &Synthesizer, labels: &Labels) -> super::indices::Indices {
    let flux = pixels(synthesizer, labels);
    let peak = flux.iter().copied().fold(0.0, f64::max);
    let flux: Vec<f32> = flux.iter().map(|f| (f / peak) as f32).collect();
    measure(&flux, &vec![1e6; flux.len()], 0.0)
}

fn normalized(synthesizer: &Synthesizer, labels: &Labels) -> Vec<f64> {
    let wave: Vec<f64> = (2205..=3806).map(|i| wave_of_index(f64::from(i))).collect();
    let flux = &pixels(synthesizer, labels)[2205..=3806];
    let scale = flux.iter().sum::<f64>() / flux.len() as f64;
    let flux: Vec<f64> = flux.iter().map(|f| f / scale).collect();
    normalize(&wave, &flux, None, &ContinuumSettings::default()).unwrap().flux
}

#[test]
fn band_indices_follow_the_spectral_sequence() {
    // TiO5 = (8.2 - SpT) / 10.775 (Reid, Hawley & Gizis 1995); SpT = 7.91 CaH2^2 - 20.63 CaH2 + 10.71 (Gizis 1997, as
    // quoted by Lepine et al. 2003) and SpT = 1.4 S^2 - 10 S + 12.4, S = CaH2 + CaH3 (Lepine et al. 2003). Teff by type: Pecaut &
    // Mamajek 2013. Real LAMOST M0, M2, M4: TiO5 .71 .55 .45, CaH2 .69 .55 .45, CaH3 .85 .78 .69.
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    let sequence = [
        (3850.0, [0.76, 0.72, 0.88]),
        (3560.0, [0.58, 0.53, 0.73]),
        (3210.0, [0.39, 0.38, 0.59]),
        (2810.0, [0.20, 0.25, 0.46]),
    ];
    for (teff, literature) in sequence {
        let seen = indices(&synthesizer, &dwarf(teff, 0.0));
        let ours = [seen.tio[4].0, seen.cah[1].0, seen.cah[2].0];
        for ((name, ours), literature) in ["TiO5", "CaH2", "CaH3"].iter().zip(ours).zip(literature)
        {
            assert!(
                (ours - literature).abs() < 0.07,
                "{name} at {teff} K: {ours:.3}, {literature}"
            );
        }
    }
}

#[test]
fn zeta_follows_metallicity() {
    // Inverse of [Fe/H] = -1.685 + 1.632 zeta (Woolf, Lepine & Wallerstein 2009), whose scatter is 0.26 dex or 0.16 in
    // zeta. In the mean over the types it is met to half of that; at 3800 K, where bands are weak and 0.03 in TiO5 is 0.12
    // in zeta, to 0.25.
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    let teffs = [3200.0, 3400.0, 3600.0, 3800.0];
    let at = |teff, m_h| indices(&synthesizer, &dwarf(teff, m_h)).zeta.0;
    for m_h in [-1.0, -0.5, 0.0, 0.25] {
        let literature = (m_h + 1.685) / 1.632;
        let values = teffs.map(|teff| at(teff, m_h));
        let mean = values.iter().sum::<f64>() / 4.0;
        assert!((mean - literature).abs() < 0.09, "{m_h}: {mean:.2}, {literature:.2}");
        assert!(values.iter().all(|zeta| (zeta - literature).abs() < 0.25), "{m_h}: {values:.2?}");
    }
    for teff in teffs {
        let values = [-1.0, -0.5, 0.0, 0.25].map(|m_h| at(teff, m_h));
        assert!(values.windows(2).all(|pair| pair[1] > pair[0] + 0.05), "{values:?}");
    }
    // By hand: S = 0.97, solar TiO5 = -0.1497 + 0.6304 - 0.1145 - 0.05 = 0.3162, zeta = 0.61 / 0.6838.
    let formula = zeta((0.39, 0.0), (0.38, 0.0), (0.59, 0.0)).0;
    assert!((formula - 0.8921).abs() < 2e-4, "{formula}");
}

#[test]
fn normalized_flux_spans_the_range_of_real_spectra() {
    // 1 to 99 percent of the normalized flux of real LAMOST spectra of SNRI above 80, the whole window with its ends:
    // medians of 3, 4 and 4 stars with literature Teff within 80 K of these.
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    for (teff, low, high) in [(3860.0, 0.826, 1.165), (3500.0, 0.794, 1.294), (3220.0, 0.729, 1.47)]
    {
        let mut flux = normalized(&synthesizer, &dwarf(teff, 0.0));
        flux.sort_by(f64::total_cmp);
        let (ours_low, ours_high) = (flux[flux.len() / 100], flux[flux.len() * 99 / 100]);
        assert!((ours_low - low).abs() < 0.07, "{teff} K: low {ours_low:.3}, {low}");
        assert!((ours_high - high).abs() < 0.09, "{teff} K: high {ours_high:.3}, {high}");
    }
}

#[test]
fn information_on_the_labels_is_that_of_real_spectra() {
    // Formal errors of the released model on three real spectra, scaled to SNR 100: 7-13 K, .017-.042, .018-.040.
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    for teff in [3300.0, 3700.0] {
        let base = dwarf(teff, -0.1);
        let step = |change: &dyn Fn(&mut Labels, f64), size: f64| -> Vec<f64> {
            let [plus, minus] = [size, -size].map(|size| {
                let mut labels = base;
                change(&mut labels, size);
                normalized(&synthesizer, &labels)
            });
            plus.iter().zip(&minus).map(|(p, m)| (p - m) / (2.0 * size)).collect()
        };
        let slopes = [
            step(&|labels, x| labels.teff_k += x, 20.0),
            step(&|labels, x| labels.m_h += x, 0.05),
            step(&|labels, x| labels.logg += x, 0.05),
            step(&|labels, x| labels.alpha_m += x, 0.05),
        ];
        let errors = formal_errors(&slopes, 100.0);
        assert!((4.0..15.0).contains(&errors[0]), "{teff} K: Teff to {:.1} K", errors[0]);
        assert!((0.006..0.045).contains(&errors[1]), "{teff} K: [M/H] to {:.4}", errors[1]);
        assert!((0.006..0.045).contains(&errors[2]), "{teff} K: log g to {:.4}", errors[2]);
    }
}

/// Square roots of the diagonal of the inverse Fisher matrix, by Gauss-Jordan elimination.
fn formal_errors(slopes: &[Vec<f64>; 4], snr: f64) -> [f64; 4] {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() * snr * snr;
    let mut m = [[0.0; 8]; 4];
    for i in 0..4 {
        for j in 0..4 {
            m[i][j] = dot(&slopes[i], &slopes[j]);
        }
        m[i][4 + i] = 1.0;
    }
    for i in 0..4 {
        let pivot = m[i];
        m[i] = pivot.map(|x| x / pivot[i]);
        for j in (0..4).filter(|&j| j != i) {
            let (row, factor) = (m[i], m[j][i]);
            m[j].iter_mut().zip(row).for_each(|(x, r)| *x -= factor * r);
        }
    }
    [0, 1, 2, 3].map(|i| m[i][4 + i].sqrt())
}

#[test]
fn giants_k_dwarfs_and_young_stars_look_their_part() {
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    let giant = indices(&synthesizer, &Labels::solar(3600.0, 0.8));
    let dwarf_star = indices(&synthesizer, &dwarf(3600.0, 0.0));
    assert!(giant.cah[2].0 > dwarf_star.cah[2].0 + 0.1, "giants have weak CaH");
    let depth = |labels: &Labels, wave: f64, side: f64| {
        let flux = pixels(&synthesizer, labels);
        let at = |w: f64| flux[((w.log10() - 3.5682) / 1e-4).round() as usize];
        1.0 - at(wave) / at(side)
    };
    let (g, d) = (Labels::solar(3600.0, 0.8), dwarf(3600.0, 0.0));
    // Na I 8197 (vacuum), Ca II 8544.4 (vacuum).
    assert!(depth(&g, 8197.05, 8178.0) < 0.3 * depth(&d, 8197.05, 8178.0), "weak Na I in giants");
    assert!(depth(&g, 8544.4, 8560.0) > 1.5 * depth(&d, 8544.4, 8560.0), "strong Ca II in giants");
    let k_dwarf = indices(&synthesizer, &dwarf(5000.0, 0.0));
    assert!(k_dwarf.tio[4].0 > 0.95, "no TiO at 5000 K: {}", k_dwarf.tio[4].0);
    let young = Labels { lithium: true, ..dwarf(3600.0, 0.0) };
    assert!(depth(&young, 6709.7, 6728.0) > 0.1 + depth(&d, 6709.7, 6728.0), "lithium");
}

#[test]
fn emission_has_the_equivalent_width_asked_for() {
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    for teff in [3100.0, 3500.0, 3900.0] {
        let quiet = indices(&synthesizer, &dwarf(teff, 0.0)).h_alpha_ew_angstrom.0;
        assert!(
            (-0.8..0.1).contains(&quiet),
            "inactive dwarfs: -0.35 in real ones, {quiet} at {teff} K"
        );
        let active = Labels { h_alpha_ew_angstrom: 5.0, ..dwarf(teff, 0.0) };
        let seen = indices(&synthesizer, &active).h_alpha_ew_angstrom.0;
        assert!((seen - quiet - 5.0).abs() < 0.5, "{seen} at {teff} K");
    }
}

#[test]
fn spectra_change_smoothly_with_the_labels() {
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    let at = |teff: f64| normalized(&synthesizer, &dwarf(teff, 0.0));
    let (a, b, c) = (at(3490.0), at(3500.0), at(3510.0));
    for i in 20..1580 {
        assert!((a[i] - 2.0 * b[i] + c[i]).abs() < 0.003, "pixel {i}");
    }
    let bright = pixels(&synthesizer, &dwarf(3800.0, 0.0));
    let faint = pixels(&synthesizer, &dwarf(3000.0, 0.0));
    assert_eq!(bright.len(), LAMOST_PIXELS);
    assert!(bright.iter().zip(&faint).all(|(b, f)| b > f && *f > 0.0));
}

#[test]
fn the_model_grid_is_another_physics() {
    use super::model_grid::{Node, PHYSICS, file_text, nodes};
    assert_eq!(nodes().len(), 1029);
    let (survey, grid) = (Synthesizer::new(Physics::SURVEY), Synthesizer::new(PHYSICS));
    let (mine, theirs) =
        (normalized(&survey, &dwarf(3500.0, 0.0)), normalized(&grid, &dwarf(3500.0, 0.0)));
    let rms = mine.iter().zip(&theirs).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 1602.0;
    assert!((0.005..0.05).contains(&rms.sqrt()), "rms {}", rms.sqrt());
    // A node's TiO is that of a cooler star with weaker bands.
    let tio5 = |synthesizer, teff| indices(synthesizer, &dwarf(teff, 0.0)).tio[4].0;
    let node = tio5(&grid, 3500.0);
    assert!(node > tio5(&survey, 3390.0) && node < tio5(&survey, 3500.0), "{node}");
    let text = file_text(&grid, &Node { teff_k: 3000.0, logg: 4.5, m_h: -0.5 });
    let line = text.lines().find(|line| line.trim_start().starts_with("8100.000")).unwrap();
    let value: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    // BT-Settl at 3000 K, 8100 Angstrom: 13.50.
    assert!((value - 13.5).abs() < 0.3, "{line}");
    assert_eq!(
        Node { teff_k: 3000.0, logg: 4.5, m_h: -0.5 }.file_name(),
        "lte030-4.5-0.5a+0.0.BT-Settl.spec.7.gz"
    );
}

#[test]
fn extinction_curves_meet_their_tables() {
    use super::reddening::{Law, redden, relative_extinction};
    // B is 1 + 1 / R_V by definition; R and I: Cardelli et al. 1989, table 3, R_V 3.1.
    for (x, expected) in [(2.27, 1.0 + 1.0 / 3.1), (1.82, 1.0), (1.43, 0.751), (1.11, 0.479)] {
        let ours = relative_extinction(Law::Cardelli, 1e4 / x);
        assert!((ours - expected).abs() < 0.01, "{x}: {ours}");
    }
    // Fitzpatrick 1999, table 3: 5470 Angstrom 3.055, 4110 Angstrom 4.315 magnitudes a magnitude of E(B-V).
    for (wave, expected) in [(5470.0, 3.055), (4110.0, 4.315), (6000.0, 2.688)] {
        assert!((relative_extinction(Law::Fitzpatrick, wave) * 3.1 - expected).abs() < 1e-3);
    }
    let wave: Vec<f64> = (0..4000).map(|i| 3700.0 + 1.35 * f64::from(i)).collect();
    let mut flux = vec![1.0; 4000];
    redden(Law::Cardelli, &wave, &mut flux, 1.0);
    for (wave, flux) in wave.iter().zip(&flux) {
        let exact = 10f64.powf(-0.4 * relative_extinction(Law::Cardelli, *wave));
        assert!((flux / exact - 1.0).abs() < 3e-4, "{wave}: {flux} {exact}");
    }
}
