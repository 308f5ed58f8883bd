use super::super::size::Size;
use super::*;

#[test]
fn numbers_of_spectra_are_unique_over_all_slots() {
    let mut seen = vec![false; 1 << 24];
    for value in 0..1u64 << 24 {
        let slot = permute(99, value) as usize;
        assert!(!seen[slot]);
        seen[slot] = true;
    }
    let plans: std::collections::BTreeSet<u64> =
        (0..1u64 << 24).step_by(4_000).map(|slot| fiber_of_slot(slot).0).collect();
    assert_eq!(plans.len(), 4_195);
    let (plan, spid, fiber) = fiber_of_slot((1 << 24) - 1);
    assert!(plan <= 6_620 && (1..=16).contains(&spid) && (1..=250).contains(&fiber));
}

/// A fifth of the stars has two spectra, a twentieth three or more.
#[test]
fn repeats_have_their_shares() {
    let survey = Survey::new(2, Size::Demo);
    let counts: Vec<usize> = (0..2000).map(|id| survey.visits(&survey.star(id)).len()).collect();
    let share = |n: usize| counts.iter().filter(|c| **c == n).count() as f64 / 2000.0;
    assert!((share(2) - 0.20).abs() < 0.03 && (share(1) - 0.75).abs() < 0.03);
    assert!(((1.0 - share(1) - share(2)) - 0.05).abs() < 0.02);
}

/// The catalog's position is the star's at J2000, not at J2015.5, but for planted wrong matches.
#[test]
fn positions_are_of_the_year_2000() {
    let survey = Survey::new(2, Size::Demo);
    for id in 0..300 {
        let star = survey.star(id);
        if gaia_surroundings::wrong_match(&survey, &star).is_some() {
            continue;
        }
        for visit in survey.visits(&star) {
            let (ra, dec) = position_at(&star, 2000.0);
            let off = sky::separation_arcsec(visit.ra_deg, visit.dec_deg, ra, dec);
            assert!(off < 0.5, "{id}: {off}");
            let fiber = sky::separation_arcsec(
                visit.ra_deg,
                visit.dec_deg,
                visit.ra_obs_deg,
                visit.dec_obs_deg,
            );
            assert!(fiber < 6.0);
            assert!((55_859..=58_280).contains(&visit.lmjd) && (1.0..2.2).contains(&visit.airmass));
        }
    }
}

/// Wrong objects and swapped numbers hold the light of another star, the others their own.
#[test]
fn the_light_of_a_fault_is_another_stars() {
    let survey = Survey::new(2, Size::Tiny);
    let visits: Vec<Visit> = (0..400).flat_map(|id| survey.visits(&survey.star(id))).collect();
    let mut n_other = 0;
    for visit in &visits {
        let light = light_source(&survey, visit);
        let foreign =
            matches!(visit.fault, Some(SpectrumFault::WrongObject | SpectrumFault::SwappedObsid));
        assert_eq!(light.id != visit.star_id, foreign);
        n_other += usize::from(foreign);
    }
    assert!(n_other > 3, "{n_other}");
}
