use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;

use super::name::parameters_of_name;
use super::*;
use crate::formats::fits_table::write_table;
use crate::formats::gzip::packed;
use crate::formats::meaning::with_meaning;

const NAME: &str = "lte030-4.5-0.5a+0.2.BT-Settl.spec.7";

fn read(text: &str) -> Result<GridSpectrum, BtSettlError> {
    read_spectrum(NAME, text.as_bytes(), &Options::default())
}

fn fails(text: &str) -> String {
    let error = read(text).unwrap_err();
    assert!(!error.hint().is_empty());
    error.to_string()
}

fn node(name: &str) -> NodeParameters {
    let named = parameters_of_name(name).unwrap();
    super::node::agreed(named, Default::default()).unwrap()
}

#[test]
fn names_give_the_labels() {
    let of = |teff_k, logg, m_h, alpha_m| NodeParameters { teff_k, logg, m_h, alpha_m };
    for (name, expected) in [
        ("lte026-4.5-0.0a+0.0.BT-Settl.spec.7_mod", of(2600.0, 4.5, 0.0, 0.0)),
        ("a/b/lte026.5-5.0-0.0a+0.0.BT-Settl.spec.fits.gz", of(2650.0, 5.0, 0.0, 0.0)),
        ("lte030.0-4.5-0.5a+0.2.BT-Settl.spec.7.xz", of(3000.0, 4.5, -0.5, 0.2)),
        ("CIFIST2011_2015_lte026.0-4.5+0.3a-0.2.BT-Settl.spec.7", of(2600.0, 4.5, 0.3, -0.2)),
        ("lte012-4.5-0.0.BT-Settl.7.bz2", of(1200.0, 4.5, 0.0, 0.0)),
        ("lte26.0-4.50-1.5.BT-cond", of(2600.0, 4.5, -1.5, 0.0)),
        ("lte030+0.5-0.0a+0.0.BT-Settl.7.dat.txt", of(3000.0, -0.5, 0.0, 0.0)),
    ] {
        assert_eq!(node(name), expected, "{name}");
    }
    assert!(node("lte026-4.5-0.0a+0.0").m_h.is_sign_positive());
    assert_eq!(parameters_of_name("spectrum.txt").unwrap(), None);
    assert_eq!(parameters_of_name("filter.txt").unwrap(), None);
    for name in ["lte0300-4.5-0.0", "lte1300-3.00-0.0a+0.0.x", "lte030-4.5", "lte030_4.5-0.0"] {
        let error = parameters_of_name(name);
        assert_eq!(error.is_err(), name != "lte0300-4.5-0.0", "{name}: {error:?}");
    }
    assert!(parameters_of_name("lte030-4.5-0.0a0.0.x").is_err());
    assert!(parameters_of_name("lte030-4.5-0.0x").is_err());
}

#[test]
fn ids_are_made_of_the_labels() {
    assert_eq!(node("lte030-4.5-0.5a+0.0.x").id(), Ok(3_000_550_450_500));
    assert_eq!(node("lte026.5-5.5+0.5a+0.4.x").id(), Ok(2_650_650_550_540));
    let odd = NodeParameters { teff_k: 3000.5, logg: 4.5, m_h: 0.0, alpha_m: 0.0 };
    assert!(odd.id().is_err());
    assert!(NodeParameters { teff_k: 3000.0, logg: -2.0, ..odd }.id().is_err());
    assert!(NodeParameters { teff_k: 3000.0, m_h: 0.005, ..odd }.id().is_err());
}

#[test]
fn native_text_is_sorted_and_scaled() {
    let native = " 6001.000-2.0000D+00 -1.0\n6000.000 1.0D+0 2.0 TiO  7.1\n\n 6000.5+8.0 -99.9\r\n\
                  6000.000 1.0001 2.0\n";
    let spectrum = read(native).unwrap();
    assert_eq!(spectrum.form, Form::Native);
    assert_eq!(spectrum.wave_angstrom, [6000.0, 6000.5, 6001.0]);
    for (flux, expected) in spectrum.flux.iter().zip([1e-7, 1.0, 1e-10]) {
        assert!((flux / expected - 1.0).abs() < 1e-12, "{flux}");
    }
    let options = Options { window_angstrom: (6000.2, 6000.8), log_offset: 0.0 };
    let spectrum = read_spectrum(NAME, native.as_bytes(), &options).unwrap();
    assert_eq!((&spectrum.wave_angstrom[..], &spectrum.flux[..]), (&[6000.5][..], &[1e8][..]));
    assert_eq!(spectrum.node.alpha_m, 0.2);
}

#[test]
fn every_compression_reads_the_same() {
    let text = "6000.0 8.0\n6000.5 9.0\n";
    let plain = read(text).unwrap();
    assert_eq!((plain.form, &plain.flux[..]), (Form::TwoColumn, &[1.0, 10.0][..]));
    let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bz.write_all(text.as_bytes()).unwrap();
    // The name does not decide how the bytes are packed.
    for bytes in [packed(text.as_bytes()), bz.finish().unwrap()] {
        let name = format!("{NAME}.xz");
        assert_eq!(read_spectrum(&name, &bytes, &Options::default()).unwrap(), plain);
        let cut = read_spectrum(NAME, &bytes[..bytes.len() - 9], &Options::default());
        assert!(cut.unwrap_err().to_string().contains("stream breaks off"));
    }
    let zip = read_spectrum(NAME, b"PK\x03\x04", &Options::default()).unwrap_err();
    assert!(zip.to_string().contains("zip archive"));
}

#[test]
fn bad_text_names_its_line() {
    assert_eq!(fails("6000 1\n5999 1\n"), "line or row 2: wavelength 5999 Angstrom follows 6000");
    let twice = fails("6000 1 2\n6001 1 2\n6000 1.1 2\n");
    assert!(twice.starts_with("wavelength 6000 Angstrom stands at lines or rows 1 and 3"));
    assert_eq!(fails("6000 1\n6001 NaN\n"), "line 2: no flux after the wavelength: \"6001 NaN\"");
    assert_eq!(fails("6000 1\n******* 1\n"), "line 2: no wavelength: \"******* 1\"");
    assert_eq!(fails("6000 1\n-6001 1\n"), "line 2: wavelength is not positive: \"-6001 1\"");
    assert_eq!(fails("6000 1\n6001\n"), "line 2: no flux after the wavelength: \"6001\"");
    assert!(fails("6000 999\n").starts_with("row 1: flux is negative or not a finite number"));
    assert!(fails("6000 1\n6001 1.2").starts_with("line 2, the last one, has no end"));
    assert_eq!(fails(""), "the text has no line of data");
    assert!(fails("<html>not found</html>").contains("begins with \"<html>"));
    let long = "1".repeat(1 << 20);
    assert!(fails(&long).starts_with("line 1: the line is longer"));
    let options = Options { window_angstrom: (7000.0, 8000.0), ..Options::default() };
    let empty = read_spectrum(NAME, b"6000 1\n6001 1", &options).unwrap_err();
    assert_eq!(empty.to_string(), "no point between 7000 and 8000 Angstrom");
    let nameless = read_spectrum("spectrum.txt", b"6000 1\n", &Options::default()).unwrap_err();
    assert_eq!(nameless.to_string(), "neither the file's name nor its header says Teff");
}

const SVO: &str = "# BT-Settl (AGSS2009)\n\
    # teff = 3000 K (value for the effective temperature for the model. Temperatures in K)\n\
    # logg = 4.5 log(cm/s2) (value for Log(G) for the model.)\n\
    # meta = -0.5  (value for the Metallicity for the model.)\n\
    # alpha = 0.2  (Alpha)\n#\n\
    # column 1: WAVELENGTH (ANGSTROM), Wavelength in Angstrom\n\
    # column 2: FLUX (ERG/CM2/S/A), Flux in erg/cm2/s/A\n\
    6000 1.5e3\n6000.5  2.5E3\n";

#[test]
fn svo_text_says_what_it_is() {
    let spectrum = read(SVO).unwrap();
    assert_eq!((spectrum.form, &spectrum.flux[..]), (Form::SvoText, &[1500.0, 2500.0][..]));
    let nameless = read_spectrum("x.txt", SVO.as_bytes(), &Options::default()).unwrap();
    assert_eq!(nameless.node, spectrum.node);
    let other = SVO.replace("teff = 3000", "teff = 3100");
    assert_eq!(fails(&other), "Teff is 3000 by the file's name and 3100 by its header");
    let other = SVO.replace("meta = -0.5", "meta = 0.5");
    assert_eq!(fails(&other), "[M/H] is -0.5 by the file's name and 0.5 by its header");
    let silent = SVO.replace("column 2", "column b");
    assert!(fails(&silent).contains("no line `# column 2: FLUX`"));
    let jansky = SVO.replace("(ERG/CM2/S/A)", "(JY)");
    assert_eq!(fails(&jansky), "unit `JY` of the flux is not known");
    assert!(fails(&SVO.replace("2.5E3", "-2.5E3")).starts_with("row 10: flux is negative"));
}

/// A table as Lyon serves it: micron, and W/m2/um in single precision.
fn lyon(flux_unit: &str, edit: impl Fn(&mut Vec<f64>)) -> Vec<u8> {
    let mut wave = vec![0.6, 0.60005, 0.6001];
    edit(&mut wave);
    let flux = Float32Array::from(vec![10.0_f32, 20.0, 30.0]);
    let field = |name: &str, kind: DataType, unit: &str| {
        with_meaning(Field::new(name, kind, false), Some(unit), None, None)
    };
    let schema = Schema::new(vec![
        field("Wavelength", DataType::Float64, "um"),
        field("Flux", DataType::Float32, flux_unit),
    ]);
    let columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(wave)), Arc::new(flux)];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    write_table(&batch, "SPECTRUM").unwrap()
}

#[test]
fn fits_tables_have_units() {
    let read = |bytes: &[u8]| read_spectrum(NAME, bytes, &Options::default());
    let fits = lyon("W / (m2 um)", |_| ());
    for bytes in [packed(&fits), fits.clone()] {
        let spectrum = read(&bytes).unwrap();
        assert_eq!((spectrum.form, &spectrum.flux[..]), (Form::Fits, &[1.0, 2.0, 3.0][..]));
        assert!((spectrum.wave_angstrom[1] - 6000.5).abs() < 1e-9);
    }
    let said = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert!(said(&lyon("Jy", |_| ())).contains("unit `Jy`"));
    assert!(said(&lyon("", |_| ())).contains("the column of flux has no unit"));
    let falling = lyon("W / (m2 um)", |wave| wave.reverse());
    assert!(said(&falling).contains("follows"), "{}", said(&falling));
    let nan = lyon("W / (m2 um)", |wave| wave[1] = f64::NAN);
    assert!(said(&nan).starts_with("row 2: wavelength is not positive"));
    let cut = said(&fits[..fits.len() - 2875]);
    assert!(cut.starts_with("table of HDU 1 declares 36 bytes of data"), "{cut}");
    assert!(said(&fits[..fits.len() / 2]).contains("no binary table"));
}

#[test]
fn votables_have_units_and_parameters() {
    let votable = |teff: &str| {
        format!(
            "<?xml version='1.0'?><VOTABLE><RESOURCE><TABLE><PARAM name='teff' value='{teff}'/>\
             <PARAM name='logg' value='4.5'/><PARAM name='meta' value='-0.5'/><PARAM name='alpha' \
             value='0.2'/><FIELD name='WAVELENGTH' unit='ANGSTROM' datatype='float'/><FIELD \
             name='FLUX' unit='ERG/CM2/S/A' datatype='float'/><DATA><TABLEDATA><TR><TD>6000</TD>\
             <TD>2.5</TD></TR><TR><TD>6001</TD><TD>3.5</TD></TR></TABLEDATA></DATA></TABLE>\
             </RESOURCE></VOTABLE>"
        )
    };
    let spectrum = read(&votable("3000")).unwrap();
    assert_eq!((spectrum.form, &spectrum.flux[..]), (Form::VoTable, &[2.5, 3.5][..]));
    let nameless = read_spectrum("x.xml", votable("3000").as_bytes(), &Options::default());
    assert_eq!(nameless.unwrap().node, spectrum.node);
    assert_eq!(fails(&votable("3100")), "Teff is 3000 by the file's name and 3100 by its header");
    assert!(fails(&votable("3000")[..300]).starts_with("byte "));
}

#[test]
fn random_damage_never_panics() {
    let native = b" 6001.000-2.0000D+00 -1.0\n6000.000 1.0D+0 2.0 TiO  7.1\n6000.5+8.0 -9\n";
    let seeds = [native.to_vec(), packed(native), SVO.as_bytes().to_vec(), lyon("W/m2/um", |_| ())];
    let mut seed = 99_u64;
    for round in 0..4000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=round % 4 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let length = bytes.len().min(1600);
            let place = (seed >> 33) as usize % length;
            bytes[place] = (seed >> 16) as u8;
        }
        let _ = read_spectrum(NAME, &bytes, &Options::default());
    }
}

fn shared(name: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(|| default.into(), PathBuf::from);
    let path = root.join("data/btsettl").join(name);
    let found = path.exists();
    if !found {
        eprintln!("skipped: btsettl needs ../shared/data/btsettl/{name}");
    }
    found.then_some(path)
}

#[test]
fn the_original_and_differential_grids_read() {
    let (Some(original), Some(differential)) = (shared("original"), shared("differential")) else {
        return;
    };
    let options = Options { window_angstrom: (5900.0, 9300.0), ..Options::default() };
    let mut ids = std::collections::BTreeSet::new();
    for (folder, count, m_h) in [(original, 65, &[0.0][..]), (differential, 130, &[-0.5, -1.0])] {
        let files: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), count);
        for path in files {
            let bytes = std::fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy();
            let spectrum = read_spectrum(&name, &bytes, &options).unwrap();
            assert_eq!(spectrum.form, Form::TwoColumn);
            assert!(m_h.contains(&spectrum.node.m_h) && spectrum.node.alpha_m == 0.0);
            assert!((6600..=17000).contains(&spectrum.wave_angstrom.len()), "{name}");
            assert!(ids.insert(spectrum.node.id().unwrap()));
        }
    }
    assert_eq!(ids.len(), 195);
    assert_eq!((ids.first(), ids.last()), (Some(&2_600_550_400_500), Some(&4_800_600_500_500)));
}

/// The flux at the surface is sigma Teff^4: the units are right when the sum over the file is.
#[test]
fn units_agree_with_the_effective_temperature() {
    let Some(path) = shared("original/lte040-4.5-0.0a+0.0.BT-Settl.spec.7_mod") else { return };
    let bytes = std::fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    let spectrum = read_spectrum(&name, &bytes, &Options::default()).unwrap();
    let wave = &spectrum.wave_angstrom;
    let sum: f64 = (1..wave.len())
        .map(|i| (wave[i] - wave[i - 1]) * (spectrum.flux[i] + spectrum.flux[i - 1]) / 2.0)
        .sum();
    let expected = 5.670_374e-5 * spectrum.node.teff_k.powi(4);
    // Below 3000 Angstrom and beyond 8 micron lie a few percent.
    assert!((0.93..1.01).contains(&(sum / expected)), "{sum:e} against {expected:e}");
}
