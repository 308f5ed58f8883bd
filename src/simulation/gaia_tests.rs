use super::super::gaia_surroundings::{trap, wrong_match};
use super::super::size::Size;
use super::super::visits;
use super::*;

fn survey() -> Survey {
    Survey::new(11, Size::Demo)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Real DR2 medians of parallax_error: 0.051, 0.077, 0.124, 0.209 mas at G 15.25, 16.25, 17.25, 18.25. Single stars.
#[test]
fn parallax_errors_follow_the_release() {
    let survey = survey();
    let rows: Vec<(f64, f64)> = (0..2500)
        .map(|id| source(&survey, &survey.star(id)))
        .filter(|s| s.ruwe < 1.4)
        .map(|s| (s.g.mag, s.parallax_error_mas))
        .collect();
    for (g, expected) in [(15.25, 0.051), (16.25, 0.077), (17.25, 0.124), (18.1, 0.195)] {
        let near: Vec<f64> = rows.iter().filter(|r| (r.0 - g).abs() < 0.2).map(|r| r.1).collect();
        assert!(near.len() > 20, "{g}: {}", near.len());
        let ours = median(near);
        assert!((ours / expected - 1.0).abs() < 0.12, "{g}: {ours}");
    }
}

/// Pulls of parallax (after the zero point) and proper motion are standard normal.
#[test]
fn astrometric_errors_are_honest() {
    let survey = survey();
    let pulls: Vec<(f64, f64)> = (0..3000)
        .map(|id| (survey.star(id), source(&survey, &survey.star(id))))
        .filter(|(star, _)| fault_of(&survey, star).is_none())
        .map(|(star, s)| {
            let off = s.parallax_mas - star.parallax_mas() - PARALLAX_ZERO_POINT_MAS;
            (off / s.parallax_error_mas, (s.pmra_mas_yr - star.pmra_mas_yr) / s.pmra_error_mas_yr)
        })
        .collect();
    let n = pulls.len() as f64;
    for pull in [pulls.iter().map(|p| p.0).collect::<Vec<_>>(), pulls.iter().map(|p| p.1).collect()]
    {
        let mean = pull.iter().sum::<f64>() / n;
        let sd = (pull.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!(mean.abs() < 0.07 && (sd - 1.0).abs() < 0.06, "{mean} {sd}");
    }
}

#[test]
fn bp_signal_to_noise_reaches_the_papers_cut_near_19_7() {
    let at = |mag: f64| 10f64.powf(FLUX_OVER_ERROR[1].at(mag));
    assert!(at(19.3) > 25.0 && at(20.1) < 16.0);
}

#[test]
fn ruwe_of_pairs_exceeds_1_4_in_four_of_ten() {
    let share = |arcsec: f64| {
        let mut stream = Stream::new(1, 1, "ruwe");
        (0..20_000).filter(|_| ruwe(arcsec, &mut stream) > 1.4).count() as f64 / 20_000.0
    };
    assert!((share(0.3) - 0.4).abs() < 0.04, "{}", share(0.3));
    assert!((0.01..0.04).contains(&share(0.0)), "{}", share(0.0));
}

/// A source number holds the pixel of the position and no two sources share one.
#[test]
fn source_numbers_are_unique_and_name_their_place() {
    let survey = survey();
    let all: Vec<GaiaSource> =
        (0..400).flat_map(|id| sources(&survey, &survey.system(id))).collect();
    let numbers: std::collections::BTreeSet<u64> = all.iter().map(|s| s.source_id).collect();
    assert_eq!(numbers.len(), all.len());
    for s in all.iter().filter(|s| s.component == Component::Star) {
        let star = survey.star(s.star_id);
        assert_eq!(s.source_id >> 35, healpix::pixel_of(12, star.ra_deg, star.dec_deg));
        assert!(i64::try_from(s.source_id).is_ok());
    }
}

/// The catalog's position of a wrong match is nearer to the unrelated source, at J2000, than to the star.
#[test]
fn wrong_matches_and_traps_lead_astray() {
    let survey = survey();
    let wrong: Vec<Star> = (0..1500)
        .map(|id| survey.star(id))
        .filter(|star| fault_of(&survey, star) == Some(StarFault::WrongGaiaMatch))
        .collect();
    assert!(wrong.len() > 5);
    for star in &wrong {
        let (ra, dec) = wrong_match(&survey, star).unwrap();
        let (star_ra, star_dec) = visits::position_at(star, 2000.0);
        let off = crate::science::sky::separation_arcsec(ra, dec, star_ra, star_dec);
        assert!((1.5..3.0).contains(&off), "{off}");
        let all = sources(&survey, &survey.system(star.id));
        assert!(all.iter().any(|s| s.component == Component::WrongMatch) || star.apparent.g > 19.5);
    }
    let fast: Vec<u64> =
        (0..3000).filter(|id| trap(&survey, &survey.star(*id)).is_some()).collect();
    assert!(fast.len() > 5, "{}", fast.len());
    for id in fast {
        let star = survey.star(id);
        let target = trap(&survey, &star).unwrap();
        let (ra, dec) = visits::position_at(&star, 2000.0);
        let near = crate::science::sky::separation_arcsec(ra, dec, target.ra_deg, target.dec_deg);
        let far = crate::science::sky::separation_arcsec(ra, dec, star.ra_deg, star.dec_deg);
        assert!(near < 1.0 && far > 1.5, "{near} {far}");
    }
}
