//! Files and headers against real LAMOST spectra and BT-Settl models, where they are at hand.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use super::anchor_tests::dwarf;
use super::blind::{BlindError, Residual, model_on_pixels};
use super::lamost_file::{designation, file_name, iso, write};
use super::lsf::{LineSpread, observe_shape};
use super::observe::Observatory;
use super::observe_tests::{star, visit};
use super::snr::header_snr;
use super::synthesis::{Physics, Synthesizer};
use crate::science::continuum::{ContinuumSettings, normalize};
use crate::science::wavelength::wave_of_index;
use crate::simulation::planted::SpectrumFault;
use crate::simulation::star::Visit;

/// Header (value part of each card, without quotes) and rows of an image file, read without the crate's own reader.
struct File {
    cards: BTreeMap<String, String>,
    rows: Vec<Vec<f32>>,
}

impl File {
    fn parse(packed: &[u8]) -> Self {
        let mut bytes = Vec::new();
        if packed.starts_with(&[0x1f, 0x8b]) {
            flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
        } else {
            bytes.extend_from_slice(packed);
        }
        let mut cards = BTreeMap::new();
        let end = bytes.chunks(80).position(|card| card.starts_with(b"END     ")).unwrap();
        for card in bytes[..80 * end].chunks(80).filter(|card| &card[8..10] == b"= ") {
            let card = String::from_utf8(card.to_vec()).unwrap();
            let value = card[10..].trim_start();
            let value = match value.strip_prefix('\'') {
                Some(text) => text.split('\'').next().unwrap().trim(),
                None => value.split('/').next().unwrap().trim(),
            };
            cards.insert(card[..8].trim().to_owned(), value.to_owned());
        }
        let n_pix: usize = cards["NAXIS1"].parse().unwrap();
        let data = (80 * (end + 1)).next_multiple_of(2880);
        assert_eq!(bytes.len() % 2880, 0);
        let row = |n: usize| {
            let bytes = &bytes[data + 4 * n * n_pix..data + 4 * (n + 1) * n_pix];
            bytes.chunks(4).map(|b| f32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect()
        };
        Self { rows: (0..5).map(row).collect(), cards }
    }

    fn number(&self, name: &str) -> f64 {
        self.cards[name].parse().unwrap()
    }

    fn row(&self, n: usize) -> Vec<f64> {
        self.rows[n].iter().map(|&value| f64::from(value)).collect()
    }
}

fn shared(test: &str, name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let path = root.join(name);
    if !path.exists() {
        eprintln!("skipped: {test} needs ../shared/{name}");
        return None;
    }
    Some(path)
}

fn real_spectra(test: &str) -> Vec<File> {
    let Some(folder) = shared(test, "data/lamost/spectra") else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| File::parse(&std::fs::read(path).unwrap())).collect()
}

#[test]
fn file_holds_what_was_observed() {
    let (seed, star, visit) = (5, star(3300.0), Visit { lmjd: 56_286, ..visit(95_008_071, 57.0) });
    let seen = Observatory::new(seed).observe(&star, &visit);
    let file = File::parse(&write(seed, &star, &visit, &seen).unwrap());
    assert_eq!(file.rows[0], seen.flux);
    assert_eq!(file.rows[1], seen.ivar);
    assert_eq!(file.rows[2], seen.wave_angstrom);
    assert_eq!((&file.rows[3], &file.rows[4]), (&seen.andmask, &seen.ormask));
    assert_eq!(file.cards["OBSID"], "95008071");
    assert_eq!(file.cards["FILENAME"], file_name(&visit));
    assert!((file.number("Z") - seen.z.unwrap().0).abs() < 1e-8);
    assert!((file.number("SNRI") - seen.snr[3]).abs() < 0.006);
    assert_eq!((file.cards["CLASS"].as_str(), file.cards["VACUUM"].as_str()), ("STAR", "T"));
    assert_eq!(file.cards["DESIG"], "LAMOST J100844.60+024356.7");
    assert_eq!(file.cards["MJD"], "56285");
    assert!(file.cards["DATE-OBS"].starts_with("2012-12-24T"));
    assert!(file.number("HELIO_RV").abs() < 30.5);
    let faulty = Visit { fault: Some(SpectrumFault::ZSentinel), ..visit };
    let seen = Observatory::new(seed).observe(&star, &faulty);
    let file = File::parse(&write(seed, &star, &faulty, &seen).unwrap());
    assert_eq!((file.cards["Z"].as_str(), file.cards["Z_ERR"].as_str()), ("-9999", "-9999"));
}

#[test]
fn dates_and_designations_are_written_as_in_real_headers() {
    assert_eq!(iso(56_285, 20 * 60 + 42, false), "2012-12-24T20:42:00");
    assert_eq!(iso(56_285, 28 * 60 + 27, true), "2012-12-25T04:27:00.0");
    assert_eq!(iso(51_603, 0, false), "2000-02-29T00:00:00");
    assert_eq!(designation(50.445522, -6.673387), "LAMOST J032146.92-064024.1");
    assert_eq!(designation(12.852782, 40.567236), "LAMOST J005124.66+403402.0");
    for file in real_spectra("dates_and_designations_are_written_as_in_real_headers") {
        let day = iso(file.number("MJD") as i64, 0, false);
        assert_eq!(day[..10], file.cards["DATE-OBS"][..10]);
    }
}

#[test]
fn cards_are_those_of_real_headers() {
    let real = real_spectra("cards_are_those_of_real_headers");
    let Some(first) = real.first() else { return };
    let (star, visit) = (star(3300.0), visit(1_608_093, 57.0));
    let seen = Observatory::new(1).observe(&star, &visit);
    let ours = File::parse(&write(1, &star, &visit, &seen).unwrap());
    let (theirs, ours): (Vec<_>, Vec<_>) =
        (first.cards.keys().collect(), ours.cards.keys().collect());
    assert_eq!(theirs, ours);
}

#[test]
fn real_headers_have_the_snr_of_our_definition() {
    let real = real_spectra("real_headers_have_the_snr_of_our_definition");
    if real.is_empty() {
        return;
    }
    for (band, name) in [(1, "SNRG"), (2, "SNRR"), (3, "SNRI"), (4, "SNRZ")] {
        let snr = |file: &File| header_snr(&file.rows[0], &file.rows[1])[band];
        let mut errors: Vec<f64> = real
            .iter()
            .filter(|file| (3.0..990.0).contains(&file.number(name)))
            .map(|file| (snr(file) / file.number(name)).ln().abs())
            .collect();
        errors.sort_by(f64::total_cmp);
        assert!(errors.len() > 40);
        assert!(errors[errors.len() / 2] < 1e-3, "{name}: median {}", errors[errors.len() / 2]);
        assert!(errors[errors.len() * 9 / 10] < 5e-3, "{name}: {:?}", errors.last());
    }
}

/// Correlation of normalized spectra, `(1602,)`, in good pixels away from H-alpha and the ends.
fn correlation(ours: &[f64], theirs: &[f64], ivar: &[f64]) -> f64 {
    let used: Vec<usize> = (20..1580)
        .filter(|&i| !(2480..2500).contains(&(2205 + i)) && ivar[2205 + i] > 0.0)
        .collect();
    let mean = |v: &[f64]| used.iter().map(|&i| v[i]).sum::<f64>() / used.len() as f64;
    let (a, b) = (mean(ours), mean(theirs));
    let moment = |x: &[f64], x_mean: f64, y: &[f64], y_mean: f64| {
        used.iter().map(|&i| (x[i] - x_mean) * (y[i] - y_mean)).sum::<f64>()
    };
    moment(ours, a, theirs, b) / (moment(ours, a, ours, a) * moment(theirs, b, theirs, b)).sqrt()
}

#[test]
fn synthesis_resembles_real_m0_m2_m4_spectra() {
    // obsid, Teff of its literature label, least correlation of the normalized flux. All of SNRI above 200.
    let stars = [
        (205_701_067, 4014.0, 0.75),
        (227_610_116, 3513.0, 0.85),
        (299_308_055, 3344.0, 0.85),
        (697_401_197, 3284.0, 0.80),
    ];
    let real = real_spectra("synthesis_resembles_real_m0_m2_m4_spectra");
    let synthesizer = Synthesizer::new(Physics::SURVEY);
    let wave: Vec<f64> = (2205..=3806).map(|i| wave_of_index(f64::from(i))).collect();
    let normalized = |flux: &[f64]| {
        let mean = flux[2205..=3806].iter().sum::<f64>() / 1602.0;
        let flux: Vec<f64> = flux[2205..=3806].iter().map(|f| f / mean).collect();
        normalize(&wave, &flux, None, &ContinuumSettings::default()).unwrap().flux
    };
    for (obsid, teff, least) in stars {
        let Some(file) = real.iter().find(|f| f.number("OBSID") as i64 == obsid) else { return };
        let velocity = file.number("Z") * 299_792.458;
        let model = synthesizer.surface_flux(&dwarf(teff, 0.0));
        let ours = normalized(&observe_shape(&model, velocity, &LineSpread::NOMINAL));
        let found = correlation(&ours, &normalized(&file.row(0)), &file.row(1));
        assert!(found > least, "{obsid}: {found:.3}");
    }
}

#[test]
fn blind_spectra_are_made_of_real_models_and_real_noise() {
    let test = "blind_spectra_are_made_of_real_models_and_real_noise";
    let name = "data/btsettl/original/lte036-4.5-0.0a+0.0.BT-Settl.spec.7_mod";
    let Some(path) = shared(test, name) else { return };
    let (mut wave, mut flux) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
        if let (Some(w), Some(f)) = (numbers.next(), numbers.next())
            && (3500.0..9400.0).contains(&w)
        {
            wave.push(w);
            flux.push(10f64.powf(f - 8.0));
        }
    }
    let bare = model_on_pixels(&wave, &flux, 0.0, 0.0, &LineSpread::NOMINAL).unwrap();
    let dusty = model_on_pixels(&wave, &flux, 1.0, 0.0, &LineSpread::NOMINAL).unwrap();
    assert!(bare.iter().zip(&dusty).all(|(b, d)| *d < 0.8 * b && *d > 0.0));
    let real = real_spectra(test);
    let file = real.iter().find(|file| file.number("OBSID") as i64 == 227_610_116).unwrap();
    let (real_flux, ivar) = (file.row(0), file.row(1));
    let smooth: Vec<f64> = (0..real_flux.len())
        .map(|i| {
            let near = &real_flux[i.saturating_sub(3)..(i + 4).min(real_flux.len())];
            near.iter().sum::<f64>() / near.len() as f64
        })
        .collect();
    let residual = Residual::of(&real_flux, &ivar, &smooth).unwrap();
    let (noisy, weight) = residual.on(&bare, 1.0).unwrap();
    assert!(noisy.iter().zip(&weight).all(|(f, w)| f.is_finite() && *w >= 0.0));
    let i = 3200;
    assert!((noisy[i] / bare[i] - real_flux[i] / smooth[i]).abs() < 1e-9);
    assert!((bare[i] * weight[i].sqrt() / (smooth[i] * ivar[i].sqrt()) - 1.0).abs() < 1e-9);
}

#[test]
fn blind_inputs_that_make_no_sense_are_refused() {
    let wave: Vec<f64> = (0..6000).map(|i| 3600.0 + f64::from(i)).collect();
    let model =
        |wave: &[f64], flux: &[f64]| model_on_pixels(wave, flux, 0.0, 0.0, &LineSpread::NOMINAL);
    assert!(matches!(model(&wave, &[1.0]), Err(BlindError::Length { .. })));
    let mut flux = vec![1.0; 6000];
    let flat = model(&wave, &flux).unwrap();
    assert!(flat.iter().all(|f| (f - 1.0).abs() < 1e-9), "a flat model stays flat");
    flux[100] = f64::NAN;
    assert_eq!(model(&wave, &flux), Err(BlindError::Model { index: 100 }));
    let short = Residual::of(&[1.0; 600], &[0.0; 600], &[1.0; 600]);
    assert_eq!(short, Err(BlindError::TooFewPixels { found: 0, needed: 500 }));
}
