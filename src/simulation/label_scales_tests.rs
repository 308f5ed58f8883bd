use super::super::size::Size;
use super::*;

fn mean_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

fn dwarfs(survey: &Survey, n: u64) -> Vec<Star> {
    (0..n).map(|id| survey.star(id)).filter(|star| star.kind == Kind::Dwarf).collect()
}

/// The offsets that the paper prints come out of the labels as they were put in.
#[test]
fn apogee_lies_above_the_truth_by_what_is_planted() {
    let survey = Survey::new(3, Size::Full);
    let stars = dwarfs(&survey, 3000);
    let good: Vec<(Star, ApogeeLabels)> =
        stars.iter().map(|s| (*s, apogee(&survey, s))).filter(|(_, l)| !l.outlier).collect();
    let off: Vec<f64> = good.iter().map(|(s, l)| l.teff_k - s.atmosphere.teff_k).collect();
    let (mean, sd) = mean_sd(&off);
    assert!((mean - 182.0).abs() < 4.0 && (sd - 45.0).abs() < 2.5, "{mean} {sd}");
    let off_of = |poor: bool| -> Vec<f64> {
        good.iter()
            .filter(|(s, _)| if poor { s.atmosphere.m_h < -0.2 } else { s.atmosphere.m_h > 0.1 })
            .map(|(s, l)| l.m_h - s.atmosphere.m_h)
            .collect()
    };
    assert!((mean_sd(&off_of(true)).0 + 0.25).abs() < 0.015);
    assert!((mean_sd(&off_of(false)).0 + 0.15).abs() < 0.015);
    let outliers = stars.iter().filter(|s| apogee(&survey, s).outlier).count() as f64;
    assert!((outliers / stars.len() as f64 - 0.01).abs() < 0.006);
}

/// The paper's limits on errors and range leave 87.7 percent of the common stars.
#[test]
fn the_papers_limits_keep_about_88_percent() {
    let survey = Survey::new(3, Size::Full);
    let common: Vec<ApogeeLabels> = dwarfs(&survey, 9000)
        .iter()
        .filter(|star| in_apogee(&survey, star))
        .map(|star| apogee(&survey, star))
        .collect();
    let kept = common.iter().filter(|l| {
        !l.missing
            && (2800.0..4500.0).contains(&l.teff_k)
            && l.teff_err_k < 100.0
            && (-2.0..0.5).contains(&l.m_h)
            && l.m_h_err < 0.1
            && l.logg > 4.0
    });
    let share = kept.count() as f64 / common.len() as f64;
    assert!((share - 0.877).abs() < 0.03, "{share} of {}", common.len());
}

#[test]
fn other_catalogs_have_their_scatter() {
    let survey = Survey::new(4, Size::Full);
    let stars = dwarfs(&survey, 6000);
    let tess: Vec<f64> =
        stars.iter().filter_map(|s| Some(tess_teff_k(&survey, s)? - s.atmosphere.teff_k)).collect();
    let (mean, sd) = mean_sd(&tess);
    assert!((mean - 10.0).abs() < 8.0 && (sd - 90.0).abs() < 6.0, "{mean} {sd}");
    let galgano: Vec<f64> = stars
        .iter()
        .flat_map(|s| survey.visits(s).into_iter().map(move |v| (s, v)))
        .filter_map(|(s, v)| Some(galgano_teff_k(&survey, s, &v, None)? - s.atmosphere.teff_k))
        .collect();
    let (mean, sd) = mean_sd(&galgano);
    assert!((mean - 60.0).abs() < 7.0 && (sd - 45.0).abs() < 5.0, "{mean} {sd}");
}

#[test]
fn names_are_cut_off_positions() {
    assert_eq!(apogee_id(12.852782, 40.567236), "2M00512466+4034020");
    assert_eq!(lamost_designation(190.707389, 41.896422), "J124249.77+415347.1");
    assert_eq!(lamost_designation(10.0, -0.001), "J004000.00-000003.6");
}
