//! The observation model: noise, conventions, faults, determinism.

use super::observe::{Observation, Observatory};
use super::snr::{BANDS_ANGSTROM, I_BAND, header_snr, median, pixels};
use super::{lamost_file, m_star_row};
use crate::science::wavelength::{Vacuum, wave_of_index};
use crate::simulation::planted::SpectrumFault;
use crate::simulation::star::{
    Activity, Atmosphere, Companion, Kind, Magnitudes, Population, Star, Visit,
};

const SEED: u64 = 20_210_301;

pub(super) fn star(teff_k: f64) -> Star {
    let magnitudes =
        Magnitudes { g: 15.0, bp: 16.1, rp: 13.9, r: 15.2, i: 14.1, j: 12.0, h: 11.5, ks: 11.2 };
    Star {
        id: 77,
        kind: Kind::Dwarf,
        population: Population::ThinDisk,
        wide_pair: None,
        atmosphere: atmosphere(teff_k),
        companion: None,
        activity: Activity { active: false, h_alpha_ew_angstrom: 0.0 },
        age_gyr: 3.0,
        ra_deg: 152.185846,
        dec_deg: 2.732438,
        l_deg: 237.0,
        b_deg: 42.0,
        distance_pc: 100.0,
        pmra_mas_yr: 0.0,
        pmdec_mas_yr: 0.0,
        rv_km_s: 20.0,
        av_mag: 0.0,
        absolute: magnitudes,
        apparent: magnitudes,
    }
}

fn atmosphere(teff_k: f64) -> Atmosphere {
    Atmosphere { teff_k, logg: 4.85, m_h: 0.0, alpha_m: 0.05, mass_msun: 0.45, radius_rsun: 0.44 }
}

pub(super) fn visit(obsid: u64, snr_i: f64) -> Visit {
    Visit {
        star_id: 77,
        number: 0,
        obsid,
        lmjd: 56_286,
        planid: format!("HD{:06}N031203B{:02}", 100_408 + obsid / 4000, obsid % 7),
        spid: (1 + obsid % 16) as u8,
        fiberid: (1 + obsid % 250) as u16,
        snr_i,
        airmass: 1.2,
        ra_deg: 152.185846,
        dec_deg: 2.732438,
        ra_obs_deg: 152.185846,
        dec_obs_deg: 2.732438,
        fault: None,
    }
}

fn faulty(fault: SpectrumFault) -> Visit {
    Visit { fault: Some(fault), ..visit(4321, 60.0) }
}

#[test]
fn header_snr_is_the_one_asked_for_and_the_window_has_nine_tenths_of_it() {
    // Three real spectra: SNRI 106, 209, 57 in the header, median 95, 190, 52 a pixel over the paper's window.
    let observatory = Observatory::new(SEED);
    let mut ratios = Vec::new();
    for (obsid, wanted) in [(1, 12.0), (2, 30.0), (3, 57.0), (4, 106.0), (5, 209.0), (6, 400.0)] {
        let seen = observatory.observe(&star(3500.0), &visit(obsid, wanted));
        let header = seen.snr[I_BAND];
        // The inverse variance is off by 10 percent (one sigma) of its own.
        assert!((header / wanted).ln().abs() < 0.4, "{wanted}: {header}");
        let mut window: Vec<f64> = (2205..=3806)
            .filter(|&i| seen.ivar[i] > 0.0)
            .map(|i| f64::from(seen.flux[i]) * f64::from(seen.ivar[i]).sqrt())
            .collect();
        ratios.push(median(&mut window).unwrap() / header);
    }
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!((mean - 0.90).abs() < 0.05, "{ratios:?}");
}

#[test]
fn other_bands_are_as_faint_as_in_real_headers() {
    // SNRG / SNRI of 50 real M dwarfs: M0 .11-.42, M4 .04-.18; SNRZ / SNRI .75-1.3.
    let observatory = Observatory::new(SEED);
    let snr = |teff, obsid| observatory.observe(&star(teff), &visit(obsid, 100.0)).snr;
    for obsid in 10..20 {
        let (warm, cool) = (snr(3850.0, obsid), snr(3200.0, obsid));
        assert!((0.1..0.45).contains(&(warm[1] / warm[3])), "{warm:?}");
        assert!((0.03..0.2).contains(&(cool[1] / cool[3])), "{cool:?}");
        for [.., i, z] in [warm, cool] {
            assert!((0.7..1.35).contains(&(z / i)), "{i} {z}");
        }
        assert!(warm[0] < 0.1 * warm[1].max(1.0) + 2.0 && warm[0] < warm[1]);
    }
}

#[test]
fn noise_is_as_large_as_the_inverse_variance_says() {
    // Differences of two visits whose instruments are the same cancel the star.
    let observatory = Observatory::new(SEED);
    let mut pulls = Vec::new();
    for n in 0..40u64 {
        let pair = [0, 1].map(|k| {
            let mut visit = visit(100_000 + 2 * n + k, 25.0);
            visit.planid = "HD000000N000000B01".to_owned();
            visit.spid = 5;
            observatory.observe(&star(3500.0), &visit)
        });
        let scale = pair.each_ref().map(|seen| local_median(&seen.flux, 2900..3150));
        // 7380 to 7500 Angstrom: no sky lines, no telluric bands.
        for i in 3000..3060 {
            let [a, b] = [0, 1].map(|k| {
                (
                    f64::from(pair[k].flux[i]) / scale[k],
                    scale[k].powi(-2) / f64::from(pair[k].ivar[i]),
                )
            });
            if a.1.is_finite() && b.1.is_finite() {
                pulls.push((a.0 - b.0) / (a.1 + b.1).sqrt());
            }
        }
    }
    let mut sizes: Vec<f64> = pulls.iter().map(|p| p.abs()).collect();
    let robust = 1.4826 * median(&mut sizes).unwrap();
    assert!((0.85..1.15).contains(&robust), "{robust}");
}

fn local_median(flux: &[f32], range: std::ops::Range<usize>) -> f64 {
    let mut values: Vec<f64> = flux[range].iter().map(|&f| f64::from(f)).collect();
    median(&mut values).unwrap()
}

#[test]
fn sky_lines_make_their_pixels_noisier_and_leave_residuals_in_faint_spectra() {
    let observatory = Observatory::new(SEED);
    let seen = observatory.observe(&star(3500.0), &visit(555, 10.0));
    let at = |wave: f64| ((wave.log10() - 3.5682) / 1e-4).round() as usize;
    // OH 8399 (air) against 8372 between lines.
    let (line, between) = (at(8401.5), at(8374.0));
    assert!(seen.ivar[line] < 0.5 * seen.ivar[between]);
}

#[test]
fn conventions_of_the_files_hold() {
    let observatory = Observatory::new(SEED);
    let seen: Vec<Observation> = (0..120)
        .map(|n| observatory.observe(&star(3500.0), &visit(9000 + 401 * n, 50.0)))
        .collect();
    let share = |of: &dyn Fn(&Observation) -> bool| {
        seen.iter().filter(|seen| of(seen)).count() as f64 / seen.len() as f64
    };
    assert!((0.25..0.75).contains(&share(&|seen| seen.ivar[..229].iter().all(|&v| v == 0.0))));
    assert!((0.05..0.35).contains(&share(&|seen| seen.flux.len() < 3909)));
    let bad: usize = seen.iter().map(|s| s.ivar[300..].iter().filter(|&&v| v == 0.0).count()).sum();
    let fraction = bad as f64 / (3600.0 * seen.len() as f64);
    assert!((0.001..0.006).contains(&fraction), "{fraction}");
    for seen in &seen {
        let n_pix = seen.flux.len();
        for vector in [&seen.ivar, &seen.wave_angstrom, &seen.andmask, &seen.ormask] {
            assert_eq!(vector.len(), n_pix);
        }
        assert!((3820..=3909).contains(&n_pix));
        assert!(seen.wave_angstrom.windows(2).all(|pair| pair[1] > pair[0]));
        assert!((seen.wave_angstrom[0] - 3699.986).abs() < 2e-3);
        let (z, z_err) = seen.z.unwrap();
        assert!((z * 299_792.458 - 15.0).abs() < 40.0 && (1e-6..1e-4).contains(&z_err));
        assert!(["M1", "M2", "M3", "M4"].contains(&seen.subclass.as_str()), "{}", seen.subclass);
        assert!(seen.andmask.iter().zip(&seen.ormask).all(|(and, or)| and <= or));
    }
}

#[test]
fn planted_faults_are_in_the_pixels() {
    let observatory = Observatory::new(SEED);
    let of = |fault| observatory.observe(&star(3500.0), &faulty(fault));
    assert_eq!(of(SpectrumFault::ZSentinel).z, None);
    let nan = of(SpectrumFault::NanFlux).flux.iter().filter(|f| f.is_nan()).count();
    assert!((20..60).contains(&nan));
    let zeros =
        of(SpectrumFault::ZeroIvarBlock).ivar[2205..3806].iter().filter(|&&v| v == 0.0).count();
    assert!(zeros >= 100);
    let air = of(SpectrumFault::AirWavelengths).wave_angstrom[3000];
    assert!((f64::from(air) - Vacuum(wave_of_index(3000.0)).to_air().0).abs() < 1e-3);
    let flare = m_star_row::row(
        &star(3500.0),
        &faulty(SpectrumFault::HAlphaFlare),
        &of(SpectrumFault::HAlphaFlare),
    );
    assert!(flare.ewha > 10.0 && flare.magact == 1);
    let mut sky = star(3500.0);
    sky.kind = Kind::Sky;
    let seen = observatory.observe(&sky, &visit(4321, 60.0));
    assert_eq!((seen.class, seen.subclass.as_str(), seen.z), ("Unknown", "Non", None));
    assert!(seen.snr[I_BAND].abs() < 3.0 && seen.flux.iter().all(|f| f.is_finite()));
}

#[test]
fn companions_and_dust_change_the_light() {
    let observatory = Observatory::new(SEED);
    let mut pair = star(3700.0);
    let companion = |white_dwarf, teff_k, flux_ratio_i| Companion {
        white_dwarf,
        atmosphere: atmosphere(teff_k),
        flux_ratio_g: flux_ratio_i,
        flux_ratio_i,
        separation_au: 10.0,
        separation_arcsec: 0.1,
        delta_rv_km_s: 0.0,
    };
    let color = |star: &Star| {
        let fine = super::source::fine_flux(observatory.synthesizer(), star, None);
        let mean = |low, high| super::synthesis::mean_between(&fine, low, high);
        (mean(4500.0, 5000.0) / mean(8400.0, 8600.0), mean(6905.0, 8155.0))
    };
    let (single, flux) = color(&pair);
    assert!((flux - 1.0).abs() < 1e-9);
    pair.companion = Some(companion(false, 3200.0, 0.4));
    let (red, flux) = color(&pair);
    assert!(red < single && (flux - 1.4).abs() < 1e-3, "{red} {single} {flux}");
    pair.companion = Some(companion(true, 12_000.0, 0.05));
    assert!(color(&pair).0 > 1.3 * single, "a white dwarf shows in the blue");
    pair.companion = None;
    pair.av_mag = 1.0;
    let (reddened, flux) = color(&pair);
    // Cardelli et al. 1989: A(4750) - A(8500) = 1.19 - 0.53 mag.
    let expected = single * 10f64.powf(-0.4 * 0.66);
    assert!((reddened / expected - 1.0).abs() < 0.03 && flux < 0.6);
}

#[test]
fn a_spectrum_depends_on_its_own_numbers_only() {
    let first = Observatory::new(SEED);
    let alone = first.observe(&star(3500.0), &visit(31, 40.0));
    // Others before it, in another observatory, in another order: the same bytes.
    let second = Observatory::new(SEED);
    for obsid in [99, 30, 32] {
        second.observe(&star(3300.0), &visit(obsid, 20.0));
    }
    let again = second.observe(&star(3500.0), &visit(31, 40.0));
    assert!(alone == again);
    let bytes = |seen: &Observation, seed| {
        lamost_file::write(seed, &star(3500.0), &visit(31, 40.0), seen).unwrap()
    };
    assert!(bytes(&alone, SEED) == bytes(&again, SEED));
    let other = Observatory::new(SEED + 1).observe(&star(3500.0), &visit(31, 40.0));
    assert!(other.flux != alone.flux);
    let neighbor = first.observe(&star(3500.0), &visit(31 + 7 * 16, 40.0));
    assert!(neighbor.flux != alone.flux, "another obsid has another noise");
}

#[test]
fn header_snr_counts_good_pixels_only_and_is_capped() {
    let mut ivar = vec![1.0f32; 3909];
    let flux: Vec<f32> = (0..3909).map(|i| if i % 2 == 0 { 10.0 } else { 20.0 }).collect();
    assert!((header_snr(&flux, &ivar)[I_BAND] - 15.0).abs() < 5.1);
    let band = pixels(BANDS_ANGSTROM[I_BAND], 3909);
    for i in band.clone().filter(|i| i % 2 == 1) {
        ivar[i] = 0.0;
    }
    assert_eq!(header_snr(&flux, &ivar)[I_BAND], 10.0);
    ivar[band].fill(0.0);
    assert_eq!(header_snr(&flux, &ivar)[I_BAND], -9999.0);
    assert_eq!(header_snr(&flux, &vec![1e9; 3909])[0], 999.0);
}
