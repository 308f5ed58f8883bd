//! The readers of what comes from outside.

use std::fmt::Display;

use mdwarf::engine::build::build;
use mdwarf::engine::digest::Digest;
use mdwarf::engine::source::{Binding, BoundFile, Origin};
use mdwarf::engine::spec::{self, DatasetSlot, Spec, SpecInput};
use mdwarf::formats::votable::{VoTableOptions, read_votable};
use mdwarf::formats::{btsettl, cds, csv, ecsv, fits_table, lamost, parsec};
use mdwarf::stages::REGISTRY;

use super::{Target, fuzz, seeds};

const MIB: usize = 1 << 20;

fn told<T, E: Display>(read: Result<T, E>, of: impl FnOnce(&T) -> String) -> String {
    match read {
        Ok(value) => of(&value),
        Err(why) => why.to_string(),
    }
}

/// A slot as a profile fills it, without a look at any disk.
fn bound(slot: &DatasetSlot) -> Binding {
    match &slot.binding {
        spec::Binding::Absent { reason } => Binding::Absent(reason.clone()),
        spec::Binding::Simulated { .. } => Binding::Made,
        _ => Binding::Files(vec![BoundFile {
            name: slot.name.clone(),
            digest: Digest::of_bytes(slot.name.as_bytes()),
            bytes: Some(1),
            origin: Origin::Path("nowhere".into()),
        }]),
    }
}

/// Pipeline, profile and `--set` lines, parted by a record separator.
fn specification(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split(seeds::PARTED);
    let pipeline = parts.next().unwrap_or_default();
    let profile = parts.next().unwrap_or(seeds::PROFILE);
    let sets: Vec<String> =
        parts.next().unwrap_or_default().lines().take(20).map(str::to_owned).collect();
    let input = SpecInput {
        pipeline: ("pipeline.toml", pipeline),
        profile: ("profiles/test.toml", profile),
        list_files: &|_| Err(std::io::ErrorKind::NotFound.into()),
        method: "printed",
        sets: &sets,
    };
    let (spec, map) = match Spec::load(&input) {
        Ok(loaded) => loaded,
        Err((errors, map)) => return errors.render(&map),
    };
    match build(&spec, REGISTRY, &bound) {
        Ok(pipeline) => format!("{} nodes", pipeline.nodes.len()),
        Err(errors) => errors.render(&map),
    }
}

#[test]
fn pipelines() {
    fuzz(&Target {
        name: "toml",
        seeds: seeds::pipelines(),
        words: seeds::TOML_WORDS,
        most_bytes: 64 << 10,
        memory: (64 * MIB, 4096),
        read: &specification,
    });
}

fn fits(bytes: &[u8]) -> String {
    let spectrum = told(lamost::read_spectrum(bytes), |s| format!("{:?}", s.header.layout));
    let table = told(fits_table::read_table(bytes, None, None), |t| format!("{}", t.schema()));
    let named = told(fits_table::read_table(bytes, Some("COADD"), Some(&["FLUX", "flag"])), |t| {
        format!("{}", t.num_columns())
    });
    format!("{:?} {spectrum} | {table} | {named}", lamost::probe_obsid(bytes).is_some())
}

#[test]
fn fits_files() {
    fuzz(&Target {
        name: "fits",
        seeds: seeds::fits_files(),
        words: seeds::FITS_WORDS,
        most_bytes: 64 << 10,
        memory: (64 * MIB, 1024),
        read: &fits,
    });
}

fn votable(bytes: &[u8]) -> String {
    let options = VoTableOptions { allow_overflow: true, ..VoTableOptions::default() };
    told(read_votable(bytes, &options), |t| format!("{} {:?}", t.table.schema(), t.params.len()))
}

#[test]
fn votables() {
    fuzz(&Target {
        name: "votable",
        seeds: seeds::votables(),
        words: seeds::VOTABLE_WORDS,
        most_bytes: 64 << 10,
        memory: (64 * MIB, 1024),
        read: &votable,
    });
}

fn enhanced(bytes: &[u8]) -> String {
    told(ecsv::read_ecsv(bytes, None), |table| table.schema().to_string())
}

#[test]
fn ecsv_files() {
    fuzz(&Target {
        name: "ecsv",
        seeds: seeds::ecsv_files(),
        words: seeds::ECSV_WORDS,
        most_bytes: 64 << 10,
        memory: (64 * MIB, 1024),
        read: &enhanced,
    });
}

fn tables(bytes: &[u8]) -> String {
    let csv = told(csv::read_csv(bytes, &csv::CsvOptions::default()), |t| t.schema().to_string());
    let mrt = told(cds::read_mrt(bytes, None), |t| t.schema().to_string());
    let parsec = told(parsec::read_isochrones(bytes, None), |i| i.table.schema().to_string());
    let name = "lte030-4.5-0.5a+0.2.BT-Settl.spec.7";
    let grid = told(btsettl::read_spectrum(name, bytes, &btsettl::Options::default()), |s| {
        format!("{:?}", s.form)
    });
    format!("{csv} | {mrt} | {parsec} | {grid}")
}

#[test]
fn other_tables() {
    fuzz(&Target {
        name: "tables",
        seeds: seeds::tables(),
        words: seeds::TABLE_WORDS,
        most_bytes: 64 << 10,
        memory: (64 * MIB, 1024),
        read: &tables,
    });
}
