use std::sync::Arc;

use ndarray::{Array2, Array3};

use super::*;

const MODULI_MAG: [f64; 4] = [4.0, 6.0, 8.0, 10.0];

fn pixels(n: usize) -> Vec<MapPixel> {
    let pixel = |i: usize| MapPixel {
        nside: if i.is_multiple_of(2) { 512 } else { 1024 },
        healpix_index: 1_000_000 + i as u64,
        converged: !i.is_multiple_of(7),
        dm_reliable_min: 4.5,
        dm_reliable_max: if i.is_multiple_of(5) { f32::NAN } else { 12.0 },
        n_stars: 100 + i as i32,
    };
    (0..n).map(pixel).collect()
}

fn value(row: usize, sample: usize, distance: usize) -> f32 {
    row as f32 + 0.125 * sample as f32 + 0.01 * distance as f32
}

fn map(n: usize) -> Vec<u8> {
    let samples = Array3::from_shape_fn((n, 3, 4), |(row, s, d)| value(row, s, d));
    let best_fit = Array2::from_shape_fn((n, 4), |(row, d)| -value(row, 0, d));
    write_dust(&DustTables {
        pixels: &pixels(n),
        distance_moduli: &MODULI_MAG,
        best_fit: best_fit.view(),
        samples: samples.view(),
    })
    .unwrap()
}

fn open(bytes: Vec<u8>) -> Result<DustFile, Hdf5Error> {
    DustFile::open(Arc::new(bytes))
}

#[test]
fn what_is_written_is_read() {
    let bytes = map(700);
    assert_eq!(bytes, map(700), "equal tables, equal bytes");
    let file = open(bytes).unwrap();
    assert_eq!(file.distance_moduli(), MODULI_MAG);
    assert_eq!((file.pixels().len(), file.sample_count()), (700, 3));
    // NaN is not equal to itself: compared as text.
    assert_eq!(format!("{:?}", file.pixels()), format!("{:?}", pixels(700)));
    let rows = [0, 5, 255, 256, 699];
    let mut seen = Vec::new();
    let check = |row: usize, curves: &[f32]| {
        assert_eq!(curves.len(), 12);
        assert_eq!(
            (curves[0], curves[5], curves[11]),
            (value(row, 0, 0), value(row, 1, 1), value(row, 2, 3))
        );
        seen.push(row);
    };
    file.visit(Curves::Samples, &rows, check).unwrap();
    assert_eq!(seen, rows);
    file.visit(Curves::BestFit, &rows, |row, curve| assert_eq!(curve[2], -value(row, 0, 2)))
        .unwrap();
    file.visit(Curves::Sample(2), &[9], |_, curve| {
        assert_eq!(curve, [value(9, 2, 0), value(9, 2, 1), value(9, 2, 2), value(9, 2, 3)]);
    })
    .unwrap();
    file.visit(Curves::Samples, &[], |_, _| panic!("nothing was asked for")).unwrap();
}

#[test]
fn wrong_questions_are_errors() {
    let file = open(map(10)).unwrap();
    let ask = |curves, rows: &[usize]| {
        let error = file.visit(curves, rows, |_, _| {}).unwrap_err();
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    assert_eq!(
        ask(Curves::BestFit, &[10]),
        "row 10 is asked for after row 10, of a map of 10 rows"
    );
    assert_eq!(
        ask(Curves::BestFit, &[4, 4]),
        "row 4 is asked for after row 4, of a map of 10 rows"
    );
    assert_eq!(
        ask(Curves::Sample(3), &[1]),
        "sample 3 is asked for, of a map of 3 samples, from 0"
    );
    let (none, nothing) = (Array2::zeros((0, 4)), Array3::zeros((0, 3, 4)));
    let tables = DustTables {
        pixels: &[],
        distance_moduli: &MODULI_MAG,
        best_fit: none.view(),
        samples: nothing.view(),
    };
    assert!(write_dust(&tables).unwrap_err().to_string().contains("0 pixels"));
}

/// A file that lacks a part of the layout, or has it in another shape.
#[test]
fn malformed_cousins_are_named() {
    use hdf5_pure::{AttrValue, FileBuilder};
    let fails = |build: &dyn Fn(&mut FileBuilder)| {
        let mut builder = FileBuilder::new();
        build(&mut builder);
        let error = open(builder.finish().unwrap()).err().unwrap();
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    let table = |builder: &mut FileBuilder, n: u64| {
        let kind = pixels::written_type().unwrap();
        let data = pixels::encode(&super::tests::pixels(n as usize));
        let table = builder.create_dataset(PIXELS).with_compound_data(kind, data, n);
        table.set_attr(MODULI, AttrValue::F64Array(MODULI_MAG.to_vec()));
    };
    let reals = |builder: &mut FileBuilder, name: &str, shape: &[u64]| {
        let values = vec![0.0; shape.iter().product::<u64>() as usize];
        builder.create_dataset(name).with_f32_data(&values).with_shape(shape);
    };
    assert_eq!(
        fails(&|b| reals(b, SAMPLES, &[2, 3, 4])),
        "no dataset `pixel_info`; the file has samples"
    );
    assert!(
        fails(&|b| reals(b, PIXELS, &[2])).starts_with("dataset `pixel_info`: it has no attribute")
    );
    assert_eq!(
        fails(&|b| reals(b, PIXELS, &[2, 2])),
        "dataset `pixel_info`: it has shape [2, 2], not (n_pixel)"
    );
    assert_eq!(fails(&|b| table(b, 2)), "no dataset `best_fit`; the file has pixel_info");
    assert_eq!(
        fails(&|b| {
            table(b, 2);
            reals(b, BEST_FIT, &[3, 4]);
        }),
        "dataset `best_fit`: it has shape [3, 4], not [2, 4]"
    );
    assert_eq!(
        fails(&|b| {
            table(b, 2);
            reals(b, BEST_FIT, &[2, 4]);
            reals(b, SAMPLES, &[2, 3, 5]);
        }),
        "dataset `samples`: it has shape [2, 3, 5], not [2, n_sample, 4]"
    );
    assert_eq!(
        fails(&|b| {
            let table = b.create_dataset(PIXELS).with_f32_data(&[1.0]);
            table.set_attr(MODULI, AttrValue::F64Array(vec![5.0, 4.0]));
        }),
        "dataset `pixel_info`: `DM_bin_edges` are not rising distance moduli: [5.0, 4.0]"
    );
    assert!(open(b"SIMPLE  =".to_vec()).err().unwrap().to_string().contains("signature of HDF5"));
}

#[test]
fn truncation_and_damage_never_panic() {
    let whole = map(300);
    for length in (0..whole.len()).step_by(97) {
        read_all(whole[..length].to_vec());
    }
    let mut seed = 4_711_u64;
    for _ in 0..1500 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let place = (seed >> 33) as usize % bytes.len();
            bytes[place] = (seed >> 16) as u8;
        }
        read_all(bytes);
    }
}

fn read_all(bytes: Vec<u8>) {
    if let Ok(file) = open(bytes) {
        let rows: Vec<usize> = (0..file.pixels().len()).collect();
        let _ = file.visit(Curves::Samples, &rows, |_, _| {});
    }
}
