//! Made-up copies, good and bad, of the archives that `profiles/archive.toml` describes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use insta::assert_snapshot;
use ndarray::{Array2, Array3};

use super::*;
use crate::engine::events::Silent;
use crate::engine::spec::{PRINTED, Spec, SpecInput};
use crate::engine::store::Store;
use crate::formats::fits_table::write_table;
use crate::formats::hdf5::{DustTables, MapPixel, write_dust};
use crate::formats::meaning::with_meaning;

/// A pipeline that has no more than the slots and nodes that a profile names.
fn pipeline_of(profile: &str) -> String {
    let head = "[pipeline]\nname = \"archives\"\nseed = 1\n".to_owned();
    let named = |line: &str, kind: &str| -> Option<String> {
        let name = line.strip_prefix(kind)?.trim_end_matches(']');
        (!name.contains('.')).then(|| name.to_owned())
    };
    profile.lines().fold(head, |text, line| {
        if let Some(name) = named(line, "[dataset.") {
            format!("{text}[dataset.{name}]\nabout = \"data of {name}\"\nsection = \"§3.1\"\n")
        } else if let Some(name) = named(line, "[node.") {
            format!("{text}[node.{name}]\nstage = \"read_table\"\nsection = \"§3.1\"\n")
        } else {
            text
        }
    })
}

fn shipped() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    fs::read_to_string(format!("{folder}/archive.toml")).unwrap()
}

fn load(profile: &str) -> Spec {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let input = SpecInput {
        pipeline: ("pipeline.toml", &pipeline_of(profile)),
        profile: ("profiles/archive.toml", profile),
        list_files: &|name| fs::read_to_string(folder.join(name)),
        method: PRINTED,
        sets: &[],
    };
    Spec::load(&input).map_err(|(errors, map)| errors.render(&map)).unwrap().0
}

/// What is said of copies that lie in a folder.
fn seen<T>(profile: &str, folder: &Path, of: impl Fn(&[Entry<'_>]) -> T) -> T {
    let spec = load(profile);
    let cache = tempfile::tempdir().unwrap();
    let store = Store::open(cache.path()).unwrap();
    let sources = Sources::open(&store, None, true);
    of(&look(&spec, folder, &sources, &Silent))
}

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn copy_of(entries: &[Entry<'_>], name: &str) -> Copy {
    match &entries.iter().find(|entry| entry.slot.name == name).unwrap().state {
        State::There(copy) => copy.clone(),
        State::Missing(why) => panic!("{name}: {why}"),
    }
}

#[test]
fn the_shipped_profile_tells_how_to_get_everything() {
    let folder = tempfile::tempdir().unwrap();
    seen(&shipped(), folder.path(), |entries| {
        assert!(entries.len() >= 16 && entries.iter().all(Entry::is_missing));
        for entry in entries {
            let (name, archive) = (&entry.slot.name, entry.archive);
            assert!(!archive.get.is_empty() && !archive.release.is_empty(), "{name}");
            assert!(!archive.licence.is_empty() && !archive.acknowledgement.is_empty(), "{name}");
            assert!(archive.url.is_some() && entry.place().is_some(), "{name}");
            assert!(entry.format().parse::<crate::formats::Format>().is_ok(), "{name}");
        }
        let text = text(entries, "archive");
        // Commands and addresses are for copying: they are never wrapped.
        let may_be_long = |line: &str| line.trim_start().starts_with("$ ") || line.contains("://");
        let wide = text.lines().find(|line| line.chars().count() > 116 && !may_be_long(line));
        assert_eq!(wide, None);
        assert_snapshot!(text);
        let value = json(entries);
        assert_eq!(value[0]["state"], "missing");
        assert_eq!(value.as_array().unwrap().len(), entries.len());
    });
}

fn gaia(rows: &[&str]) -> String {
    let head = "source_id,ref_epoch,ra,dec,parallax,parallax_error,pmra,pmdec,\
        phot_g_mean_flux_over_error,phot_bp_mean_flux_over_error,phot_rp_mean_flux_over_error,\
        phot_g_mean_mag,phot_bp_mean_mag,phot_rp_mean_mag,bp_rp";
    format!("{head}\n{}\n", rows.join("\n"))
}

const GOOD: &str =
    "5853498713190525696,2015.5,217.39,-62.67,768.5,0.2,-3781.3,769.8,900,100,300,8.9,11.3,7.5,3.8";

#[test]
fn good_copies_are_good() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "archives/gaia_dr2.csv.gz", gaia(&[GOOD]));
    put(folder.path(), "archives/bayestar2019.h5", dust());
    put(folder.path(), "archives/allStar-r12-l33.fits", all_star("deg", 3900.0));
    seen(&shipped(), folder.path(), |entries| {
        for (name, rows) in [("gaia_dr2", 1), ("bayestar", 2), ("apogee_dr16", 2)] {
            let copy = copy_of(entries, name);
            assert_eq!((copy.faults.clone(), copy.rows), (Vec::new(), Some(rows)), "{name}");
        }
        let notes = copy_of(entries, "apogee_dr16").notes;
        assert_eq!(notes, ["2 rows where the whole of the archive has 473307"]);
        assert_eq!(json(entries)[0]["dataset"], "lamost_m");
    });
}

#[test]
fn faults_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let second = GOOD.replace("217.39", "-9999").replace("2015.5", "2000");
    put(folder.path(), "archives/gaia_dr2.csv.gz", gaia(&[GOOD, &second]));
    put(folder.path(), "archives/bj18.csv.gz", "source_id,r_lo,r_hi\n1,10,20\n");
    put(folder.path(), "archives/gaia_dr2_ruwe.csv.gz", "<!DOCTYPE html>\n<html><body>Log in");
    put(folder.path(), "archives/bayestar2019.h5", &dust()[..600]);
    put(folder.path(), "archives/allStar-r12-l33.fits", all_star("hour", 90_000.0));
    put(folder.path(), "archives/lamost_dr6_v1.1_spectra/a.fits.gz", "not found");
    seen(&shipped(), folder.path(), |entries| {
        let wrong = entries.iter().filter(|entry| entry.is_faulty());
        let mut said = Vec::new();
        for entry in wrong {
            for fault in copy_of(entries, &entry.slot.name).faults {
                said.push(format!("{}: {fault}", entry.slot.name));
            }
        }
        assert_snapshot!(said.join("\n"));
        assert!(text(entries, "archive").ends_with("6 wrong"));
    });
}

/// Two files with one spectrum, and one that is of another release's numbering.
#[test]
fn spectra_are_told_apart_by_what_identifies_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = "archives/lamost_dr6_v1.1_spectra";
    put(folder.path(), &format!("{place}/a.fits"), header(101_001, 7, 0.0001));
    put(folder.path(), &format!("{place}/deep/b.fits"), header(101_002, 8, -9999.0));
    seen(&shipped(), folder.path(), |entries| {
        let copy = copy_of(entries, "lamost_spectra");
        assert_eq!((copy.rows, copy.files, copy.faults), (Some(2), 2, Vec::new()));
    });
    put(folder.path(), &format!("{place}/c.fits"), header(101_001, 7, 0.5));
    seen(&shipped(), folder.path(), |entries| {
        assert_eq!(
            copy_of(entries, "lamost_spectra").faults,
            [
                "column `z`: 1 of 3 values outside of -0.05 to 0.05, the first is 0.5 in row 1",
                "(obsid) does not identify a row: 1 of 3 repeat another one, the first are rows 0 and 1",
                "(obsid, lmjd, planid, spid, fiberid) does not identify a row: 1 of 3 repeat another \
                 one, the first are rows 0 and 1",
            ]
        );
    });
}

/// The beginning of a spectrum's file: its header.
fn header(obsid: i64, fiber: i64, z: f64) -> Vec<u8> {
    let cards = [
        "SIMPLE  =                    T".to_owned(),
        "BITPIX  =                  -32".to_owned(),
        "NAXIS   =                    0".to_owned(),
        format!("OBSID   = {obsid:>20}"),
        "LMJD    =                55863".to_owned(),
        "PLANID  = 'M31_011N40_B1'".to_owned(),
        "SPID    =                    8".to_owned(),
        format!("FIBERID = {fiber:>20}"),
        "RA      =               10.684".to_owned(),
        "DEC     =               41.269".to_owned(),
        "SNRI    =                42.17".to_owned(),
        format!("Z       = {z:>20}"),
        "END".to_owned(),
    ];
    let text: String = cards.iter().map(|card| format!("{card:<80}")).collect();
    format!("{text:<2880}").into_bytes()
}

fn dust() -> Vec<u8> {
    let pixel = |healpix_index| MapPixel {
        nside: 512,
        healpix_index,
        converged: true,
        dm_reliable_min: 5.0,
        dm_reliable_max: 14.0,
        n_stars: 9,
    };
    write_dust(&DustTables {
        pixels: &[pixel(3), pixel(4)],
        distance_moduli: &[4.0, 4.125],
        best_fit: Array2::zeros((2, 2)).view(),
        samples: Array3::zeros((2, 5, 2)).view(),
    })
    .unwrap()
}

/// A small allStar; `unit` of right ascension, and one of the temperatures.
fn all_star(unit: &str, teff: f64) -> Vec<u8> {
    let field =
        |name: &str, kind, unit| with_meaning(Field::new(name, kind, true), unit, None, None);
    let reals = ["DEC", "TEFF", "TEFF_ERR", "LOGG", "M_H", "M_H_ERR", "ALPHA_M"];
    let units = ["deg", "K", "K", "log (cgs)", "dex", "dex", "dex"];
    let mut fields = vec![field("APOGEE_ID", DataType::Utf8, None)];
    fields.push(field("RA", DataType::Float64, Some(unit)));
    fields.extend(reals.iter().zip(units).map(|(n, u)| field(n, DataType::Float64, Some(u))));
    fields.extend(["ASPCAPFLAG", "STARFLAG", "EXTRATARG"].map(|n| field(n, DataType::Int64, None)));
    let real = |a: f64, b: f64| Arc::new(Float64Array::from(vec![a, b])) as arrow::array::ArrayRef;
    let mut columns: Vec<arrow::array::ArrayRef> =
        vec![Arc::new(StringArray::from(vec!["2M00000002+7417074", "2M00000019-1924498"]))];
    columns.push(real(0.01, 0.02));
    let values = [(74.0, -19.0), (-9999.0, teff), (-9999.0, 80.0), (-9999.0, 4.8), (-9999.0, -0.2)];
    columns.extend(values.map(|(a, b)| real(a, b)));
    columns.extend([(-9999.0, 0.02), (-9999.0, 0.1)].map(|(a, b)| real(a, b)));
    let flags = || Arc::new(Int64Array::from(vec![0, 1 << 23])) as arrow::array::ArrayRef;
    columns.extend([flags(), flags(), flags()]);
    let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    write_table(&table, "ALLSTAR").unwrap()
}
