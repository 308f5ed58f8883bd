//! The cuts of Li et al. 2021, §2, on the real LAMOST x Gaia DR2 table of M subdwarfs.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use polars::prelude::{CsvReadOptions, DataFrame, DataType, SerReader};

use super::{batch, criteria};

const NUMBERS: [&str; 9] = [
    "parallax",
    "parallax_error",
    "phot_bp_mean_flux_over_error",
    "phot_rp_mean_flux_over_error",
    "phot_g_mean_flux_over_error",
    "ruwe",
    "snri",
    "bp_rp",
    "phot_g_mean_mag",
];

fn shared() -> PathBuf {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    std::env::var_os("MDWARF_SHARED").map_or(beside, PathBuf::from)
}

fn table(frame: &DataFrame) -> RecordBatch {
    let source = frame.column("source").unwrap().str().unwrap().iter().collect::<StringArray>();
    let mut columns: Vec<(&str, ArrayRef)> = vec![("source", Arc::new(source))];
    for name in NUMBERS {
        let column = frame.column(name).unwrap().cast(&DataType::Float64).unwrap();
        columns.push((name, Arc::new(column.f64().unwrap().iter().collect::<Float64Array>())));
    }
    batch(columns)
}

#[test]
fn cuts_of_the_paper_keep_1407_and_the_quadrangle_1087_of_1852() {
    let path = shared().join("data/lamost_x_gaia/subdwarfs_lamost_gaia_dr2.csv");
    if !path.exists() {
        eprintln!("skipped: cuts of the paper needs ../shared/data/lamost_x_gaia");
        return;
    }
    let options = CsvReadOptions::default().with_infer_schema_length(None);
    let frame = options.try_into_reader_with_file_path(Some(path)).unwrap().finish().unwrap();
    let cuts = criteria(&[
        "source == 'lamost'",
        "parallax / parallax_error > 5",
        "phot_bp_mean_flux_over_error > 20 and phot_rp_mean_flux_over_error > 20 and phot_g_mean_flux_over_error > 20",
        "ruwe < 1.4",
        "snri > 5",
        "inside(bp_rp, phot_g_mean_mag + 5 * log10(parallax / 100), [[0.7, 5], [1.4, 5], [5, 16.5], [4, 16.5]])",
    ]);
    let verdicts = cuts.apply(&table(&frame)).unwrap();
    let n_out: Vec<u64> = verdicts.attrition.rows.iter().map(|row| row.n_out).collect();
    assert_eq!(frame.height(), 3131);
    assert_eq!((n_out[0], n_out[4], n_out[5]), (1852, 1407, 1087));
    assert_eq!(verdicts.kept().len(), 1087);
}
