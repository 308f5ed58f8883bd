use ndarray::{Ix1, Ix2};

use super::super::reference_npz::ReferenceNpz;
use super::super::wavelength::PixelGrid;
use super::*;

fn settings() -> MaskSettings {
    MaskSettings::default()
}

#[test]
fn table_names_every_bit_once_and_round_trips() {
    let all = REASONS.iter().fold(0, |bits, (bit, ..)| {
        assert!(bit.is_power_of_two() && bits & bit == 0);
        bits | bit
    });
    assert_eq!(bits_of_names(&names(all)).unwrap(), all);
    assert_eq!(names(ZERO_IVAR | GROWN), ["zero_ivar", "grown"]);
    let error = bits_of_names(&["tellurics"]).unwrap_err();
    assert_eq!(error, MaskError::UnknownReason("tellurics".to_owned()));
    assert_eq!(MASKING & (ORMASK | TELLURIC | COSMIC), 0);
}

#[test]
fn observed_pixels_get_their_reasons() {
    let flux = [1.0, f64::NAN, 1.0, 1.0, 1.0];
    let ivar = [1.0, 1.0, 0.0, f64::NAN, 1.0];
    let andmask = [0, 0, 0, 0, 2];
    let ormask = [1, 0, 0, 0, 2];
    let bits = observed_reasons(&flux, &ivar, Some(&andmask), Some(&ormask), &settings()).unwrap();
    assert_eq!(bits, [ORMASK, NOT_FINITE, ZERO_IVAR, ZERO_IVAR, ANDMASK | ORMASK]);
    let used: Vec<bool> = bits.iter().map(|&b| is_used(b, MASKING)).collect();
    assert_eq!(used, [true, false, false, false, false]);
    assert!(observed_reasons(&flux, &ivar[1..], None, None, &settings()).is_err());
    assert!(observed_reasons(&flux, &ivar, Some(&andmask[1..]), None, &settings()).is_err());
}

#[test]
fn windows_hold_six_h_alpha_pixels_and_follow_the_observer() {
    let grid = PixelGrid::with_options(1, true).unwrap();
    let rest = grid.wave_angstrom();
    let moved: Vec<f64> = rest.iter().map(|w| w * 1.001).collect();
    let bits = window_reasons(rest, &moved, &settings()).unwrap();
    assert_eq!(bits.iter().filter(|&&b| b & H_ALPHA != 0).count(), 6);
    let at = |wave: f64| rest.iter().position(|&w| w >= wave).unwrap();
    assert_eq!(bits[at(7600.0)], TELLURIC);
    // 7590 at rest is seen at 7597.6, inside the O2 band; 7697 is seen outside it.
    assert_eq!((bits[at(7590.0)], bits[at(7697.0)]), (TELLURIC, 0));
}

#[test]
fn runs_grow_by_a_quarter_between_one_and_two() {
    let mut bits = vec![0u16; 40];
    bits[0] = ZERO_IVAR;
    bits[10..15].fill(NOT_FINITE);
    bits[20..26].fill(OUT_OF_RANGE);
    bits[30] = TELLURIC;
    bits[39] = ZERO_IVAR;
    grow(&mut bits, MASKING, &settings());
    let grown: Vec<usize> = (0..40).filter(|&i| bits[i] & GROWN != 0).collect();
    assert_eq!(grown, [1, 9, 15, 18, 19, 26, 27, 38]);
    let once = bits.clone();
    grow(&mut bits, MASKING, &settings());
    assert_eq!(bits, once, "growing twice changes nothing");
    let ivar = masked_ivar(&[2.0; 40], &bits, MASKING).unwrap();
    assert_eq!(ivar.iter().filter(|&&v| v == 0.0).count(), 21);
    assert_eq!(ivar[30], 2.0);
}

#[test]
fn normalized_spectrum_bounds() {
    let flux = [1.0, 1e-3, 1e2, -1.0, f64::INFINITY, 0.9];
    let ivar = [9.0, 9.0, 9.0, 9.0, 9.0, 0.5];
    let strict = MaskSettings { min_ivar: Some(1.0), ..settings() };
    let bits = normalized_reasons(&flux, &ivar, &strict).unwrap();
    let expected = [0, OUT_OF_RANGE, OUT_OF_RANGE, OUT_OF_RANGE, NOT_FINITE, LOW_IVAR];
    assert_eq!(bits, expected);
    assert_eq!(normalized_reasons(&flux, &ivar, &settings()).unwrap()[5], 0);
}

#[test]
fn cosmic_hits_are_found_and_emission_lines_are_not() {
    let flux = |i: usize| 100.0 + 0.2 * i as f64 + (i * 37 % 11) as f64 * 0.3;
    let mut spectrum: Vec<f64> = (0..400).map(flux).collect();
    let ivar = vec![1.0; 400];
    assert!(cosmic_pixels(&spectrum, &ivar, &settings()).iter().all(|h| !h));
    spectrum[50] += 40.0;
    spectrum[120] += 60.0;
    spectrum[121] += 50.0;
    spectrum[300] -= 60.0;
    // A line of the instrument's width, a standard deviation of 1 pixel, between two pixels.
    for (i, flux) in spectrum.iter_mut().enumerate() {
        *flux += 200.0 * (-0.5 * (i as f64 - 207.5).powi(2)).exp();
    }
    let hits: Vec<usize> = cosmic_pixels(&spectrum, &ivar, &settings())
        .iter()
        .enumerate()
        .filter_map(|(i, &hit)| hit.then_some(i))
        .collect();
    assert_eq!(hits, [50, 120, 121]);
}

#[test]
fn heals_as_the_reference_does() {
    let test = "heals_as_the_reference_does";
    let Some(npz) = ReferenceNpz::open(test, "reference/slam/norm_real3.npz") else {
        return;
    };
    let (flux, ivar) = (npz.array::<f64, Ix2>("flux_norm"), npz.array::<f64, Ix2>("invar_norm"));
    let healed = npz.array::<f64, Ix2>("healed_ivar");
    let strict = MaskSettings { min_ivar: Some(1.0), ..settings() };
    for star in 0..3 {
        let (flux, ivar) = (flux.row(star).to_vec(), ivar.row(star).to_vec());
        let mut bits = normalized_reasons(&flux, &ivar, &strict).unwrap();
        grow(&mut bits, MASKING, &strict);
        assert_eq!(masked_ivar(&ivar, &bits, MASKING).unwrap(), healed.row(star).to_vec());
        // Real spectra of M dwarfs have few cosmic hits left after LAMOST's own combination.
        let raw = |name: &str| -> Vec<f64> {
            let row = npz.array::<f32, Ix1>(&format!("raw_{name}_{star}"));
            row.iter().map(|&v| f64::from(v)).collect()
        };
        let hits = cosmic_pixels(&raw("flux")[2205..3807], &raw("invar")[2205..3807], &strict);
        let n_hit = hits.iter().filter(|&&hit| hit).count();
        eprintln!("star {star}: {n_hit} cosmic pixels");
        assert!(n_hit < 16);
    }
}
