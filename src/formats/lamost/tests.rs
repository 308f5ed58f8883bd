//! Reading against numbers taken with astropy, and bad input.

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use arrow::record_batch::RecordBatch;
use fits_well::header::{Header, Value};
use fits_well::image::{Image, Scaling};
use fits_well::{FitsWriter, image};

use super::*;
use crate::formats::csv::{CsvOptions, read_csv};
use crate::formats::gzip::packed;
use crate::formats::meaning::{UNIT, entry};

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let path = root.join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: lamost needs ../shared/data/{name}");
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A spectrum of `pixels` pixels in the image layout, with the cards of `edit` on top.
fn synthetic(pixels: usize, rows: usize, edit: impl Fn(&mut Header)) -> Vec<u8> {
    let mut values: Vec<f32> = Vec::new();
    for row in 0..rows {
        values.extend((0..pixels).map(|pixel| match row {
            2 => 3700.0 + pixel as f32,
            3 => 0.0,
            _ => row as f32 + pixel as f32,
        }));
    }
    let mut header = Header::new();
    for (card, value) in [
        ("OBSID", Value::from(101_001_i64)),
        ("Z", Value::Real(-9999.0)),
        ("SNRI", Value::Text("-9999.0".to_owned())),
        ("SNRZ", Value::from(-9999_i64)),
        ("SUBCLASS", Value::Text("Non".to_owned())),
        ("FIB_MASK", Value::from(128_i64)),
        ("VACUUM", Value::Logical(true)),
        ("RA", Value::Real(12.5)),
        ("PLANID", Value::Text("  HD1 ".to_owned())),
    ] {
        header.set(card, value).unwrap();
    }
    edit(&mut header);
    let image = Image::new(vec![pixels, rows], values, Scaling::IDENTITY).unwrap();
    let mut writer = FitsWriter::new(Vec::new());
    let view: image::Borrowed<'_> = image.view();
    writer.write_image(view, Some(&header)).unwrap();
    writer.into_inner()
}

fn whole_file() -> Vec<u8> {
    synthetic(40, 5, |_| ())
}

/// `bytes` with the first card that begins with `keyword` replaced.
fn with_card(mut bytes: Vec<u8>, keyword: &str, card: &str) -> Vec<u8> {
    let at = bytes.chunks(80).position(|card| card.starts_with(keyword.as_bytes())).unwrap() * 80;
    bytes[at..at + 80].copy_from_slice(format!("{card:<80}").as_bytes());
    bytes
}

fn fails(bytes: &[u8]) -> String {
    let error = read_spectrum(bytes).unwrap_err();
    assert!(!error.hint().is_empty());
    error.to_string()
}

#[test]
fn sentinels_are_absence() {
    let spectrum = read_spectrum(&whole_file()).unwrap();
    let header = &spectrum.header;
    assert_eq!(header.obsid, 101_001);
    assert_eq!((header.z, header.snri, header.snrz), (None, None, None));
    assert_eq!((&header.subclass, header.fibermask), (&None, Some(128)));
    assert_eq!((header.vacuum, header.helio), (Some(true), None));
    assert_eq!((header.ra_deg, header.dec_deg), (Some(12.5), None));
    assert_eq!(header.planid.as_deref(), Some("HD1"));
    assert_eq!(spectrum.pixel_count(), 40);
    assert_eq!(spectrum.wave_angstrom[39], 3739.0);
    assert_eq!((spectrum.andmask[39], spectrum.ormask[39]), (0, 43));
}

#[test]
fn malformed_cards_count_as_absent_but_obsid_does_not() {
    let bytes = with_card(whole_file(), "RA ", "RA      = 12 degrees");
    assert_eq!(read_spectrum(&bytes).unwrap().header.ra_deg, None);
    let bytes = with_card(whole_file(), "OBSID", "OBSID   = 'none'");
    assert!(fails(&bytes).starts_with("card OBSID of HDU 0 is Text"), "{}", fails(&bytes));
    let bytes = with_card(whole_file(), "OBSID", "COMMENT nothing");
    assert_eq!(fails(&bytes), "card OBSID of HDU 0 is absent");
    assert_eq!(probe_obsid(&bytes), None);
}

#[test]
fn bad_files_are_told_apart() {
    assert_eq!(fails(b""), "file is empty");
    assert!(fails(b"<html>not found</html>").contains("<html>not found"));
    assert!(fails(&synthetic(40, 4, |_| ())).contains("axes [40, 4]"));
    let whole = whole_file();
    let no_end = with_card(whole.clone(), "END ", "COMMENT");
    assert!(fails(&no_end).starts_with("HDU 0 of 5760 bytes has no readable header"));
    assert!(fails(&whole[..2880]).contains("HDU 0 declares 800 bytes of data in a file of 2880"));
    let huge = with_card(whole.clone(), "NAXIS1", "NAXIS1  =  9223372036854775807");
    assert!(fails(&huge).contains("HDU 0"), "{}", fails(&huge));
    let negative = with_card(whole.clone(), "NAXIS1", "NAXIS1  =                   -4");
    assert!(fails(&negative).contains("HDU 0"), "{}", fails(&negative));
    let stream = packed(&whole);
    assert!(read_spectrum(&stream).is_ok());
    assert!(fails(&stream[..stream.len() / 2]).contains("gzip stream"));
}

#[test]
fn masks_must_be_bits_and_flux_need_not_be_finite() {
    let whole = whole_file();
    let row_bytes = 40 * 4;
    let mut bytes = whole.clone();
    for pixel in bytes[2880..2880 + row_bytes].chunks_mut(4) {
        pixel.copy_from_slice(&f32::NAN.to_be_bytes());
    }
    assert!(read_spectrum(&bytes).unwrap().flux.iter().all(|flux| flux.is_nan()));
    let mut bytes = whole;
    let at = 2880 + 3 * row_bytes + 4 * 7;
    bytes[at..at + 4].copy_from_slice(&1.5_f32.to_be_bytes());
    assert!(fails(&bytes).starts_with("andmask of HDU 0 at pixel 7 is 1.5"));
}

#[test]
fn random_damage_never_panics() {
    let whole = whole_file();
    let stream = packed(&whole);
    let mut seed = 12_345_u64;
    for round in 0..6000 {
        let mut bytes = if round % 4 == 0 { stream.clone() } else { whole.clone() };
        for _ in 0..=round % 5 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Most damage goes to the header, which has the most to say.
            let length = if seed.is_multiple_of(3) { bytes.len() } else { bytes.len().min(1600) };
            let place = (seed >> 33) as usize % length;
            bytes[place] = (seed >> 16) as u8;
        }
        let _ = read_spectrum(&bytes);
        let _ = probe_obsid(&bytes);
    }
}

/// The catalog that was made with astropy from the headers of the fifty spectra.
fn expected_catalog() -> Option<RecordBatch> {
    let path = shared("expected/lamost_catalog.csv")?;
    Some(read_csv(&std::fs::read(path).unwrap(), &CsvOptions::default()).unwrap())
}

fn text<'a>(table: &'a RecordBatch, name: &str, row: usize) -> &'a str {
    table.column_by_name(name).unwrap().as_string::<i32>().value(row)
}

#[test]
fn all_fifty_spectra_agree_with_the_expected_catalog() {
    let (Some(folder), Some(expected)) = (shared("lamost/spectra"), expected_catalog()) else {
        return;
    };
    assert_eq!((files(&folder).len(), expected.num_rows()), (50, 50));
    let mut headers = Vec::new();
    for row in 0..50 {
        let bytes = std::fs::read(folder.join(text(&expected, "filename", row))).unwrap();
        let spectrum = read_spectrum(&bytes).unwrap();
        assert_eq!(probe_obsid(&bytes), Some(spectrum.header.obsid));
        assert!((3820..=3909).contains(&spectrum.pixel_count()));
        assert_eq!(spectrum.header.layout, LamostLayout::Image);
        agrees(&spectrum.header, &expected, row);
        headers.push(spectrum.header);
    }
    let table = header_table(&headers).unwrap();
    assert_eq!(table.column_by_name("obsid"), expected.column_by_name("obsid"));
    assert_eq!(table.column_by_name("lmjd"), expected.column_by_name("lmjd"));
    assert_eq!(table.column_by_name("z").unwrap().null_count(), 3);
    let schema = table.schema();
    assert_eq!(entry(schema.field_with_name("ra_deg").unwrap(), UNIT), Some("deg"));
}

fn agrees(header: &LamostHeader, expected: &RecordBatch, row: usize) {
    assert_eq!(header.data_v.as_deref(), Some(text(expected, "data_v", row)));
    assert_eq!(header.class.as_deref(), Some(text(expected, "class", row)));
    let subclass = Some(text(expected, "subclass", row)).filter(|&subclass| subclass != "Non");
    assert_eq!(header.subclass.as_deref(), subclass);
    let theirs = |name: &str| {
        let column = expected.column_by_name(name).unwrap().as_primitive::<Float64Type>();
        Some(column.value(row)).filter(|&value| value != -9999.0)
    };
    for (name, ours) in [
        ("ra", header.ra_deg),
        ("dec", header.dec_deg),
        ("ra_obs", header.ra_obs_deg),
        ("dec_obs", header.dec_obs_deg),
        ("z", header.z),
        ("z_err", header.z_err),
    ] {
        assert_eq!(ours, theirs(name), "{name} of {}", header.obsid);
    }
    for (name, ours) in [
        ("snru", header.snru),
        ("snrg", header.snrg),
        ("snrr", header.snrr),
        ("snri", header.snri),
        ("snrz", header.snrz),
    ] {
        assert_eq!(ours, theirs(name).map(|snr| snr as f32), "{name} of {}", header.obsid);
    }
}

fn read_shared(name: &str) -> Option<LamostSpectrum> {
    let path = shared("lamost")?.join(name);
    Some(read_spectrum(&std::fs::read(path).unwrap()).unwrap())
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

#[test]
fn image_layout_agrees_with_astropy() {
    let name = "spectra/spec-56768-HD180157N475305V_sp05-209.fits";
    let Some(image) = read_shared(name) else {
        return;
    };
    assert_eq!(image.pixel_count(), 3883);
    assert_eq!((image.flux[0], image.ivar[1000]), (-21.113_182, 0.007_477_029));
    assert_eq!(image.wave_angstrom[1000], f64::from(4658.007_f32));
    assert!((sum(&image.flux) - 370_176.444_144_243_4).abs() < 1e-6);
    let header = &image.header;
    assert_eq!((header.spid, header.fiberid), (Some(5), Some(209)));
    assert_eq!((header.fibermask, header.helio_rv_km_s), (Some(64), Some(-8.73468)));
    assert_eq!(header.date_obs.as_deref(), Some("2014-04-20T20:00:00"));
}

#[test]
fn table_layout_agrees_with_astropy() {
    let Some(table) = read_shared("reader_cases/spec-55859-F5902_sp01-013_dr8.fits.gz") else {
        return;
    };
    let header = &table.header;
    assert_eq!((header.layout, table.pixel_count()), (LamostLayout::Table, 3908));
    assert_eq!((header.obsid, header.fibermask), (101_013, Some(0)));
    assert_eq!((table.flux[1000], table.ivar[3907]), (56.141_785, 0.028_275_583));
    assert!((sum(&table.ivar) - 941.650_480_017_062_4).abs() < 1e-9);
    let waves: f64 = table.wave_angstrom.iter().sum();
    assert!((waves - 23_445_505.830_810_547).abs() < 1e-6);
}

#[test]
fn every_reader_case_reads() {
    let Some(folder) = shared("lamost/reader_cases") else {
        return;
    };
    let paths = files(&folder);
    assert_eq!(paths.len(), 19);
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let spectrum = read_spectrum(&bytes).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert_eq!(probe_obsid(&bytes), Some(spectrum.header.obsid));
        let start = &bytes[..bytes.len().min(64 << 10)];
        assert_eq!(probe_header(start).as_ref(), Some(&spectrum.header), "{path:?}");
        let n_pix = spectrum.pixel_count();
        let lengths = [spectrum.ivar.len(), spectrum.andmask.len(), spectrum.ormask.len()];
        assert_eq!((lengths, spectrum.wave_angstrom.len()), ([n_pix; 3], n_pix));
    }
}
