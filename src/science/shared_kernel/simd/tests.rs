//! Tests of the inner loops.

use super::columns::{exp_lanes, exp_lanes_f32};
use super::*;

fn uniform(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn exponential_agrees_with_the_library_to_the_last_places() {
    for i in 0..20_000 {
        let x = -(f64::from(i) * 0.003_7).powi(2) / 8.0;
        let fused = exp_lanes::<true, 1>([x])[0];
        let plain = exp_lanes::<false, 1>([x])[0];
        let x = x.max(-700.0);
        assert!((fused / x.exp() - 1.0).abs() < 5e-16, "exp({x}) = {fused}");
        assert!((plain / x.exp() - 1.0).abs() < 5e-16, "exp({x}) = {plain}");
    }
    assert_eq!(exp_lanes::<true, 1>([0.0])[0], 1.0);
}

#[test]
fn single_exponential_agrees_with_the_library_to_the_last_places() {
    for i in 0..20_000 {
        let x = -(i as f32 * 0.003_7).powi(2) / 40.0;
        let exact = f64::from(x.max(-87.0)).exp();
        for value in [exp_lanes_f32::<true, 1>([x])[0], exp_lanes_f32::<false, 1>([x])[0]] {
            assert!((f64::from(value) / exact - 1.0).abs() < 2.5e-7, "exp({x}) = {value}");
        }
    }
    assert_eq!(exp_lanes_f32::<true, 1>([0.0])[0], 1.0);
}

#[test]
fn rounded_kernel_columns_are_those_of_f64() {
    // Lengths and starts that end within a vector.
    let stride = 48;
    let coordinates: Vec<f64> = uniform(2 * stride, 5).iter().map(|x| 3.0 * x).collect();
    let theta = [0.4, -1.2];
    for (first, length) in [(0, 48), (8, 21), (40, 3), (24, 17)] {
        let (mut exact, mut rounded) = (vec![0.0; length], vec![0.0; length]);
        kernel_column(&coordinates, stride, first, &theta, 0.7, &mut exact);
        kernel_column_f32(&coordinates, stride, first, &theta, 0.7, &mut rounded);
        for (&exact, &rounded) in exact.iter().zip(&rounded) {
            assert!((exact - f64::from(rounded)).abs() < 2e-7, "{exact} {rounded}");
        }
    }
}

#[test]
fn loops_equal_their_definitions() {
    let (a, b) = (uniform(101, 1), uniform(101, 2));
    let exact: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    let square = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
    let products = dots([&a, &b, &a, &b], [&b, &a, &b, &a]);
    let expected = [[exact, square(&b)], [square(&a), exact]];
    for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
        assert!((products[i][j] - expected[i % 2][j % 2]).abs() < 1e-13, "{i} {j}");
    }
    let single: Vec<f32> = a.iter().map(|&x| x as f32).collect();
    assert!((dot_f32(&single, &single) - a.iter().map(|a| a * a).sum::<f64>()).abs() < 1e-5);
    let mut out = vec![1.0; 101];
    combine(&[&single, &single, &single, &single, &single], &[1.0, 2.0, 3.0, 4.0, -9.0], &mut out);
    assert!(out.iter().zip(&a).all(|(o, a)| (o - 1.0 - a).abs() < 1e-6));
    let mut rounded = vec![1.0; 101];
    let nine = [&single[..]; 9];
    combine_f32(&nine, &[1.0, 2.0, 3.0, 4.0, -9.0, 0.5, -0.5, 7.0, -7.0], &mut rounded);
    assert!(rounded.iter().zip(&out).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn panel_product_is_the_product_row_by_row() {
    let (rank, n) = (37, 11);
    let factor: Vec<f32> = uniform(n * rank, 3).iter().map(|&x| x as f32).collect();
    let panel: Vec<f32> = uniform(rank * PANEL, 4).iter().map(|&x| x as f32).collect();
    let rows: Vec<u32> = (0..n as u32).rev().collect();
    let mut out = vec![0.0; n * PANEL];
    panel_product(&factor, rank, &rows, &panel, &mut out);
    for (at, &row) in rows.iter().enumerate() {
        for lane in 0..PANEL {
            let exact: f64 = (0..rank)
                .map(|k| {
                    f64::from(factor[row as usize * rank + k]) * f64::from(panel[k * PANEL + lane])
                })
                .sum();
            assert!((f64::from(out[at * PANEL + lane]) - exact).abs() < 1e-5);
        }
    }
}
