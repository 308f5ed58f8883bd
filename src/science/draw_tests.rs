use ndarray::{Array1, array};

use super::super::slam::{
    HyperGrid, PixelFolds, PixelSpectra, PixelStatus, TrainOptions, TrainingLabels, train_pixel,
};
use super::super::svr_linfa::LinfaSolver;
use super::*;

fn unit_square() -> Vec<Range> {
    vec![Range { low: 0.0, high: 1.0 }, Range { low: 2.0, high: 4.0 }]
}

fn triangle(point: ArrayView1<'_, f64>) -> bool {
    point[0] + 0.5 * (point[1] - 2.0) <= 1.0
}

#[test]
fn draws_fill_the_region_evenly() {
    let draws = draw_labels(&unit_square(), triangle, 20_000, 7).unwrap();
    assert!(draws.labels.outer_iter().all(triangle));
    assert!((draws.acceptance() - 0.5).abs() < 0.01, "{}", draws.acceptance());
    // A uniform triangle has its centroid at a third of each leg, and a quarter of its area below half a leg each.
    let mean = draws.labels.mean_axis(Axis(0)).unwrap();
    assert!((mean[0] - 1.0 / 3.0).abs() < 0.006 && (mean[1] - 8.0 / 3.0).abs() < 0.012, "{mean}");
    let corner = draws.labels.outer_iter().filter(|p| p[0] > 0.5).count();
    assert!((corner as f64 / 20_000.0 - 0.25).abs() < 0.01);
}

#[test]
fn more_draws_leave_the_earlier_ones_and_threads_change_nothing() {
    let few = draw_labels(&unit_square(), triangle, 50, 7).unwrap();
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let many = one_thread.install(|| draw_labels(&unit_square(), triangle, 500, 7)).unwrap();
    assert_eq!(few.labels, many.labels.slice(ndarray::s![..50, ..]));
    let other = draw_labels(&unit_square(), triangle, 50, 8).unwrap();
    assert_ne!(few.labels, other.labels);
}

#[test]
fn ranges_are_cut_to_the_training_labels_and_constants_stay() {
    let names = ["Teff", "logg", "M_H"].map(str::to_owned);
    let training = array![[2600.0, 5.0, -0.5], [4000.0, 5.0, 0.0]];
    let asked =
        [Some(Range { low: 2800.0, high: 4500.0 }), Some(Range { low: 4.5, high: 5.5 }), None];
    let ranges = intersect(&names, &asked, training.view()).unwrap();
    let expected = [(2800.0, 4000.0), (5.0, 5.0), (-0.5, 0.0)];
    assert_eq!(ranges, expected.map(|(low, high)| Range { low, high }));
    let draws = draw_labels(&ranges, |_| true, 20, 1).unwrap();
    assert!(draws.labels.column(1).iter().all(|g| *g == 5.0));
}

#[test]
fn empty_regions_are_told_with_their_numbers() {
    let names = ["Teff".to_owned()];
    let training = array![[3000.0], [4000.0]];
    let away = [Some(Range { low: 5000.0, high: 6000.0 })];
    let why = intersect(&names, &away, training.view()).unwrap_err().to_string();
    assert!(why.contains("5000") && why.contains("4000"), "{why}");
    let turned = [Some(Range { low: 4000.0, high: 3000.0 })];
    assert!(matches!(intersect(&names, &turned, training.view()), Err(DrawError::Range { .. })));
    assert!(matches!(intersect(&names, &[], training.view()), Err(DrawError::Shape { .. })));
    assert_eq!(draw_labels(&unit_square(), |_| false, 3, 1), Err(DrawError::Empty));
    let sliver = |p: ArrayView1<'_, f64>| p[0] < 3e-5;
    assert_eq!(draw_labels(&unit_square(), sliver, 200, 1), Err(DrawError::Empty));
    assert_eq!(draw_labels(&unit_square(), |_| false, 0, 1).unwrap().labels.nrows(), 0);
}

/// A model of 80 nodes and 7 pixels with two gammas; no node has the pixel 4.
fn model() -> SlamModel {
    let physical = Array2::from_shape_fn((80, 2), |(i, l)| {
        if l == 0 { 2900.0 + 15.0 * i as f64 } else { (i as f64 * 0.618).fract() - 1.0 }
    });
    let labels = TrainingLabels::new(vec!["Teff".into(), "M_H".into()], physical).unwrap();
    let pixel = |j: usize| {
        let grid =
            HyperGrid::new(&[5.0], &[0.02], &[if [0, 2, 4, 6].contains(&j) { 0.3 } else { 1.0 }])
                .unwrap();
        let options =
            TrainOptions { grid: &grid, folds: PixelFolds::None, min_stars: 10, max_kkt: 1e-3 };
        let flux: Array1<f64> = labels
            .scaled
            .outer_iter()
            .map(|t| 1.0 + 0.1 * (t[0] + j as f64).sin() + 0.05 * t[1])
            .collect();
        let ivar = Array1::from_elem(80, if j == 4 { 0.0 } else { 1e12 });
        let spectra =
            PixelSpectra { wave_angstrom: 7000.0 + j as f64, flux: flux.view(), ivar: ivar.view() };
        train_pixel(&labels, &spectra, &options, &LinfaSolver::default()).unwrap()
    };
    SlamModel::from_pixels(&labels, &(0..7).map(pixel).collect::<Vec<_>>()).unwrap()
}

fn some_labels(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 2), |(i, l)| {
        let u = (i as f64 * if l == 0 { 0.618 } else { 0.414 }).fract();
        if l == 0 { 2950.0 + 1000.0 * u } else { u - 1.0 }
    })
}

fn bits(flux: &[Vec<f64>]) -> Vec<Vec<u64>> {
    flux.iter().map(|pixel| pixel.iter().map(|f| f.to_bits()).collect()).collect()
}

#[test]
fn spectra_are_those_of_the_model_at_any_number_of_draws_and_pixels() {
    let model = model();
    let labels = some_labels(600);
    let all = synthesize(&model, labels.view());
    for (i, label) in labels.outer_iter().enumerate().step_by(37) {
        let flux = model.flux(label);
        for j in 0..7 {
            assert!(all[j][i].is_nan() && flux[j].is_nan() || (all[j][i] - flux[j]).abs() < 1e-12);
        }
    }
    assert!(model.status[4] != PixelStatus::Usable && all[4].iter().all(|f| f.is_nan()));
    for n in [1, 7, 256, 257] {
        let first = synthesize(&model, labels.slice(ndarray::s![..n, ..]));
        let expected: Vec<Vec<f64>> = all.iter().map(|pixel| pixel[..n].to_vec()).collect();
        assert_eq!(bits(&first), bits(&expected), "{n} draws");
    }
    let mut alone = model.clone();
    keep_pixel(&mut alone, 2);
    assert_eq!(bits(&synthesize(&alone, labels.view())), bits(&all[2..3]));
}

fn keep_pixel(model: &mut SlamModel, j: usize) {
    model.wave_angstrom = array![model.wave_angstrom[j]];
    model.status = vec![model.status[j]];
    model.dual = model.dual.select(Axis(0), &[j]);
    model.bias = array![model.bias[j]];
    model.gamma = array![model.gamma[j]];
    model.flux_mean = array![model.flux_mean[j]];
    model.flux_scale = array![model.flux_scale[j]];
}

#[test]
fn noise_has_the_asked_scatter_and_belongs_to_draw_and_pixel() {
    let ids: Vec<i64> = (0..20_000).collect();
    let mut flux = vec![1.0; ids.len()];
    add_noise(&mut flux, &vec![50.0; ids.len()], &ids, 12, 3);
    let mean = flux.iter().sum::<f64>() / flux.len() as f64;
    let variance = flux.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / flux.len() as f64;
    assert!((mean - 1.0).abs() < 5e-4 && (variance.sqrt() * 50.0 - 1.0).abs() < 0.02);
    let chosen: Vec<i64> = vec![5, 6, 7, 900, 3, 19_999];
    let mut some = vec![1.0; chosen.len()];
    add_noise(&mut some, &vec![50.0; chosen.len()], &chosen, 12, 3);
    assert!(chosen.iter().zip(&some).all(|(&id, f)| f.to_bits() == flux[id as usize].to_bits()));
    let mut other = vec![1.0; chosen.len()];
    add_noise(&mut other, &vec![50.0; chosen.len()], &chosen, 13, 3);
    assert!(some.iter().zip(&other).all(|(a, b)| a != b));
    assert!(flux.iter().all(|f| f.is_finite()));
}

#[test]
fn ratios_lie_in_their_range_and_follow_the_id() {
    let snr = draw_snr(&[4, 9, 4], 5.0, 200.0, 1);
    assert!(snr.iter().all(|s| (5.0..=200.0).contains(s)) && snr[0] == snr[2] && snr[0] != snr[1]);
    let many = draw_snr(&(0..4000).collect::<Vec<i64>>(), 5.0, 200.0, 1);
    let below = many.iter().filter(|s| **s < (5.0f64 * 200.0).sqrt()).count();
    assert!((below as f64 / 4000.0 - 0.5).abs() < 0.03);
}

#[test]
fn support_names_the_nearest_node_and_the_share_of_marked_ones() {
    let nodes = array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let labels = array![[0.5, 0.0], [0.9, 0.0], [40.0, 0.0], [f64::NAN, 0.0]];
    let found = support(nodes.view(), &[true, false, false], labels.view(), 1.0);
    let half = found[0].unwrap();
    assert_eq!((half.nearest, half.distance), (0, 0.5));
    let share = 1.0 / (2.0 + (-1.0f64).exp());
    assert!((half.marked_share - share).abs() < 1e-12);
    assert_eq!(found[1].unwrap().nearest, 1);
    let far = found[2].unwrap();
    assert!(far.nearest == 1 && far.marked_share < 1e-9 && far.marked_share.is_finite());
    assert_eq!(found[3], None);
}
