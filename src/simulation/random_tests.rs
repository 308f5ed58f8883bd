use super::*;

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

#[test]
fn streams_differ_by_seed_object_and_purpose_and_repeat() {
    let first = |seed, object, purpose| Stream::new(seed, object, purpose).bits();
    assert_eq!(first(1, 2, "mass"), first(1, 2, "mass"));
    let all =
        [first(1, 2, "mass"), first(2, 2, "mass"), first(1, 3, "mass"), first(1, 2, "masses")];
    for i in 0..all.len() {
        assert!(all[i + 1..].iter().all(|other| *other != all[i]));
    }
}

#[test]
fn deviates_have_their_moments() {
    let mut stream = Stream::new(7, 0, "test");
    let normal: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
    let (mean, sd) = moments(&normal);
    assert!(mean.abs() < 0.012 && (sd - 1.0).abs() < 0.01, "{mean} {sd}");
    let uniform: Vec<f64> = (0..100_000).map(|_| stream.uniform()).collect();
    let (mean, sd) = moments(&uniform);
    assert!((mean - 0.5).abs() < 0.004 && (sd - 12f64.sqrt().recip()).abs() < 0.003);
    for mean_of in [0.3, 5.0, 40.0, 200.0] {
        let counts: Vec<f64> = (0..20_000).map(|_| stream.poisson(mean_of) as f64).collect();
        let (mean, sd) = moments(&counts);
        assert!((mean / mean_of - 1.0).abs() < 0.04, "{mean_of}: {mean}");
        assert!((sd * sd / mean_of - 1.0).abs() < 0.06, "{mean_of}: {sd}");
    }
}

#[test]
fn streams_of_neighboring_objects_are_uncorrelated() {
    let pairs: Vec<(f64, f64)> = (0..20_000)
        .map(|i| (Stream::new(1, i, "x").normal(), Stream::new(1, i + 1, "x").normal()))
        .collect();
    let correlation = pairs.iter().map(|(a, b)| a * b).sum::<f64>() / pairs.len() as f64;
    assert!(correlation.abs() < 0.03, "{correlation}");
}

#[test]
fn power_law_has_its_slope() {
    let mut stream = Stream::new(3, 0, "law");
    let below = (0..50_000).filter(|_| stream.power_law(50.0, 206_265.0, -1.54) < 500.0).count();
    let integral = |a: f64, b: f64| a.powf(-0.54) - b.powf(-0.54);
    let expected = integral(50.0, 500.0) / integral(50.0, 206_265.0);
    assert!((below as f64 / 50_000.0 - expected).abs() < 0.01);
}

#[test]
fn weights_choose_in_proportion() {
    let mut stream = Stream::new(3, 0, "weights");
    let mut counts = [0usize; 3];
    (0..30_000).for_each(|_| counts[stream.weighted(&[1.0, 0.0, 2.0])] += 1);
    assert_eq!(counts[1], 0);
    assert!((counts[0] as f64 / 30_000.0 - 1.0 / 3.0).abs() < 0.01);
}
