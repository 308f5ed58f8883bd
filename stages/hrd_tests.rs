use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, UInt64Type};

use super::super::figures::Unit;
use super::*;

fn stage() -> Hrd {
    serde_json::from_str(r#"{"id": "obsid", "m_h": "M_H", "av": "A_V"}"#).unwrap()
}

/// A sequence M_G = 4 + 2.5 color - 0.9 [M/H]; every tenth star is a binary, 0.75 mag brighter.
fn diagram(n: usize) -> Diagram {
    let wave = |i: usize, step: f64| ((i as f64 * step).fract() - 0.5) * 2.0;
    let color: Vec<f64> = (0..n).map(|i| 2.4 + 0.5 * wave(i, 0.618_034)).collect();
    let m_h: Vec<f64> = (0..n).map(|i| -0.2 + 0.3 * wave(i, 0.414_213)).collect();
    let isochrone: Vec<f64> = (0..n).map(|i| 4.0 + 2.5 * color[i] - 0.9 * m_h[i]).collect();
    let magnitude: Vec<f64> =
        (0..n).map(|i| isochrone[i] - if i % 10 == 0 { 0.75 } else { 0.0 }).collect();
    let above = (0..n).map(|i| Some(magnitude[i] < 4.0 + 2.5 * color[i] - 0.9 * 0.6)).collect();
    let sequence = binned_medians(&color, &magnitude, 0.2, 5);
    let height =
        (0..n).map(|i| sequence.at(color[i]).map_or(f64::NAN, |m| magnitude[i] - m)).collect();
    Diagram { counts: vec![true; n], color, magnitude, m_h, isochrone, above, sequence, height }
}

#[test]
fn binaries_stand_above_and_metal_poor_stars_below() {
    let (stage, diagram) = (stage(), diagram(400));
    let bootstrap = Bootstrap { n_resample: 60, seed: 1 };
    let units: Vec<Unit> = (0..400).map(|row| (None, row)).collect();
    let all: Vec<usize> = (0..400).collect();
    let report = diagram.sample(&all).report(&units_of(&units, &all), &bootstrap);
    let shares = diagram.shares(&units, &bootstrap);
    let (columns, arrays) = (stage.summary_columns(), summary(report, shares));
    assert_eq!(columns.len(), arrays.len());
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let at = |name: &str| columns.iter().position(|c| c.meta.name == name).unwrap();
    let number = |name: &str| arrays[at(name)].as_primitive::<Float64Type>().value(0);
    assert_eq!(number("median"), 0.0);
    assert!((number("mean") + 0.075).abs() < 1e-9);
    // Binaries with [M/H] > -0.23 pass the track of +0.6; no single star does.
    let count = arrays[at("n_above")].as_primitive::<UInt64Type>().value(0);
    assert!((15..40).contains(&count), "{count}");
    assert!((number("above_fraction") - count as f64 / 400.0).abs() < 1e-12);
    assert!(number("gradient_spearman") < -0.4 && number("gradient_slope_hi") < 0.0);
}

#[test]
fn metallicity_falls_with_height_bin_by_bin() {
    let (stage, diagram) = (stage(), diagram(2_000));
    let arrays = stage.gradient(&diagram, &Bootstrap { n_resample: 50, seed: 1 });
    let columns = stage.gradient_columns();
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let height = arrays[0].as_primitive::<Float64Type>().values().to_vec();
    let medians = arrays[2].as_primitive::<Float64Type>().values().to_vec();
    let singles: Vec<f64> =
        medians.iter().zip(&height).filter(|(_, h)| h.abs() < 0.25).map(|(m, _)| *m).collect();
    assert!(singles.len() > 1 && singles.windows(2).all(|w| w[1] < w[0]), "{height:?} {medians:?}");
    let stars = diagram.star_arrays();
    let columns = stage.star_columns();
    assert!(columns.iter().zip(&stars).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
}

#[test]
fn ports_read_extinction_and_isochrones() {
    let ports = stage().ports();
    assert!(ports[0].needs.iter().any(|n| n.column == "A_V" && n.unit.as_deref() == Some("mag")));
    let read: Vec<&str> = ports[1].needs.iter().map(|n| n.column.as_str()).collect();
    assert_eq!(read, ["MH", "Mini", "Gmag", "G_BPmag", "G_RPmag"]);
    let [bp, g, rp] = stage().extinction;
    assert!((bp - rp - 0.413).abs() < 1e-12 && g == 0.789);
}
