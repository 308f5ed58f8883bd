use std::sync::Arc;

use ndarray::{Array2, Array3};

use super::*;
use crate::formats::hdf5::{DustTables, MapPixel, write_dust};
use crate::science::healpix::center_of;

const MODULI: [f64; 3] = [4.0, 6.0, 8.0];

fn pixel(nside: u32, healpix_index: u64, converged: bool) -> MapPixel {
    let (dm_reliable_min, dm_reliable_max) = (5.0, 7.0);
    MapPixel { nside, healpix_index, converged, dm_reliable_min, dm_reliable_max, n_stars: 10 }
}

/// Two pixels of nside 16, and one of nside 32 inside of the first.
fn map() -> DustFile {
    let pixels = [pixel(16, 40, true), pixel(32, 160, true), pixel(16, 41, false)];
    let samples = Array3::from_shape_fn((3, 3, 3), |(row, sample, d)| {
        (row + 1) as f32 * (d as f32) + [0.0, 0.5, 0.1][sample]
    });
    let best_fit = Array2::from_shape_fn((3, 3), |(row, d)| (row + 1) as f32 * d as f32);
    let tables = DustTables {
        pixels: &pixels,
        distance_moduli: &MODULI,
        best_fit: best_fit.view(),
        samples: samples.view(),
    };
    DustFile::open(Arc::new(write_dust(&tables).unwrap())).unwrap()
}

fn line(order: u32, index: u64, modulus: f64) -> Line {
    let (l_deg, b_deg) = center_of(order, index);
    Line { l_deg, b_deg, modulus }
}

fn seen(map_mode: Map, lines: &[Line]) -> Vec<Seen> {
    look_up(&map(), map_mode, lines).unwrap().unwrap()
}

#[test]
fn stars_see_the_dust_of_their_pixel() {
    let lines = [
        line(5, 4 * 41, 6.0),
        line(5, 160, 7.0),
        line(5, 161, 7.0),
        line(5, 4 * 50, 6.0),
        line(5, 160, f64::NAN),
        line(5, 161, 7.5),
    ];
    let best = seen(Map::BestFit, &lines);
    let expected = [3.0, 3.0, 1.5];
    for (found, expected) in best.iter().zip(expected) {
        assert!((found.reddening - expected).abs() < 1e-6, "{best:?}");
    }
    assert!(best[3].reddening.is_nan() && best[4].reddening.is_nan());
    let reliable: Vec<bool> = best.iter().map(|s| s.reliable).collect();
    assert_eq!(reliable, [false, true, true, false, false, false]);
    let converged: Vec<bool> = best.iter().map(|s| s.converged).collect();
    assert_eq!(converged, [false, true, true, false, false, true]);
    // The samples are the best fit plus 0, 0.5, 0.1.
    assert!((seen(Map::Median, &lines)[1].reddening - 3.1).abs() < 1e-6);
    assert!((seen(Map::Sample(1), &lines)[1].reddening - 3.5).abs() < 1e-6);
    assert!(look_up(&map(), Map::Sample(3), &lines).is_err());
}

/// A row's value is the same alone as among others.
#[test]
fn a_star_does_not_depend_on_the_others() {
    let lines: Vec<Line> =
        (0..400).map(|i| line(7, 16 * 160 + i % 32, 3.0 + 0.02 * i as f64)).collect();
    let together = seen(Map::Median, &lines);
    for (line, seen_together) in lines.iter().zip(&together).step_by(37) {
        let alone = seen(Map::Median, &[*line])[0];
        assert_eq!(alone.reddening.to_bits(), seen_together.reddening.to_bits());
    }
}

#[test]
fn the_map_is_named_in_one_way() {
    for text in ["median", "best_fit", "sample:3"] {
        let map: Map = serde_json::from_value(serde_json::json!(text)).unwrap();
        assert_eq!(serde_json::to_value(map).unwrap(), text);
    }
    for bad in ["mean", "sample", "sample:x", "sample:-1"] {
        let why = serde_json::from_value::<Map>(serde_json::json!(bad)).unwrap_err().to_string();
        assert!(why.contains("`median`, `best_fit` or `sample:N`"), "{why}");
    }
}

/// A file written by h5py whose look-ups were made with healpy and numpy: see the header of the table.
#[test]
fn agrees_with_healpy_and_h5py() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/formats/hdf5/fixtures");
    let bytes = std::fs::read(format!("{folder}/h5py.h5")).unwrap();
    let file = DustFile::open(Arc::new(bytes)).unwrap();
    let text = std::fs::read_to_string(format!("{folder}/lookups.csv")).unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .filter(|line| !line.starts_with(['#', 'r']))
        .map(|line| line.split(',').map(|v| v.parse().unwrap()).collect())
        .collect();
    let lines: Vec<Line> = rows
        .iter()
        .map(|row| {
            let (l_deg, b_deg) = galactic(row[0], row[1]);
            Line { l_deg, b_deg, modulus: distance_modulus(row[2]) }
        })
        .collect();
    let median = look_up(&file, Map::Median, &lines).unwrap().unwrap();
    let best = look_up(&file, Map::BestFit, &lines).unwrap().unwrap();
    let (mut inside, mut reliable) = (0, 0);
    for ((row, median), best) in rows.iter().zip(&median).zip(&best) {
        let close = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() < 2e-6;
        assert!(close(median.reddening, row[3]) && close(best.reddening, row[4]), "{row:?}");
        assert_eq!(median.reliable, row[5] == 1.0, "{row:?}");
        inside += usize::from(!median.reddening.is_nan());
        reliable += usize::from(median.reliable);
    }
    assert!(inside > 200 && inside < rows.len() && reliable > 30 && reliable < inside);
}
