use super::super::planted::StarFault;
use super::super::size::Size;
use super::super::star::{Kind, Population};
use super::super::survey::PAIR_BASE;
use super::*;

fn mean_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// An object does not depend on what else is made: neither on the shard it is in nor on the number of stars. A larger
/// field leaves the others as they are.
#[test]
fn one_star_added_changes_no_other() {
    let survey = Survey::new(5, Size::Tiny);
    let mut larger = survey;
    larger.extent.n_field += 1;
    let (all, more) = (survey.ids(), larger.ids());
    assert_eq!(more.len(), all.len() + 1);
    let together = Shard::new(&survey, &all);
    let with_one_more = Shard::new(&larger, &more);
    for record in &together.records {
        let id = record.star().id;
        let same = with_one_more.records.iter().find(|r| r.star().id == id).unwrap();
        assert_eq!(record.system, same.system);
        assert_eq!(record.visits, same.visits);
        assert_eq!(format!("{:?}", record.sources), format!("{:?}", same.sources));
    }
    let alone = Shard::new(&survey, &all[17..18]);
    assert_eq!(alone.records[0].system, together.records[17].system);
    let mut parts = truth::stars(&Shard::new(&survey, &all[..100]));
    parts.append(truth::stars(&Shard::new(&survey, &all[100..]))).unwrap();
    assert_eq!(parts.to_csv(), truth::stars(&together).to_csv());
    let other_seed = Survey::new(6, Size::Tiny);
    assert_ne!(other_seed.star(0), survey.star(0));
}

/// Means, spreads and shares of the population, over 6,000 field stars.
#[test]
fn the_population_has_its_moments() {
    let survey = Survey::new(1, Size::Full);
    let stars = survey.stars(0..6000);
    let dwarfs: Vec<&Star> = stars.iter().filter(|s| s.kind == Kind::Dwarf).collect();
    let of = |f: fn(&Star) -> f64| dwarfs.iter().map(|s| f(s)).collect::<Vec<f64>>();
    let (m_h, m_h_sd) = mean_sd(&of(|s| s.atmosphere.m_h));
    assert!((m_h + 0.06).abs() < 0.03 && (m_h_sd - 0.24).abs() < 0.03, "[M/H] {m_h} {m_h_sd}");
    let thin: Vec<&&Star> =
        dwarfs.iter().filter(|s| s.population == Population::ThinDisk).collect();
    let share = thin.len() as f64 / dwarfs.len() as f64;
    assert!((share - 0.90).abs() < 0.025, "thin disk {share}");
    let uvw: Vec<[f64; 3]> = thin
        .iter()
        .map(|s| {
            crate::simulation::galaxy::space_velocity(
                s.ra_deg,
                s.dec_deg,
                s.distance_pc,
                s.pmra_mas_yr,
                s.pmdec_mas_yr,
                s.rv_km_s,
            )
        })
        .collect();
    for (axis, sigma) in [35.0, 23.0, 18.0].into_iter().enumerate() {
        let (_, sd) = mean_sd(&uvw.iter().map(|v| v[axis]).collect::<Vec<_>>());
        assert!((sd / sigma - 1.0).abs() < 0.04, "axis {axis}: {sd}");
    }
    let (_, rv) = mean_sd(&of(|s| s.rv_km_s));
    assert!((30.0..40.0).contains(&rv), "rv {rv}");
    let active = dwarfs.iter().filter(|s| s.activity.active).count() as f64;
    assert!((0.06..0.10).contains(&(active / dwarfs.len() as f64)), "{active}");
    let mut distance = of(|s| s.distance_pc);
    distance.sort_by(f64::total_cmp);
    let median = distance[distance.len() / 2];
    assert!((200.0..400.0).contains(&median) && distance[dwarfs.len() / 100] > 20.0, "{median}");
    let giants = stars.iter().filter(|s| s.kind == Kind::Giant).count() as f64 / 6000.0;
    assert!((giants - StarFault::GiantInCatalog.rate()).abs() < 0.008, "{giants}");
    // Unresolved pairs are seen farther than single stars: more than half of 26.8 percent, for half are resolved.
    let pairs = dwarfs.iter().filter(|s| s.companion.is_some()).count() as f64;
    assert!((0.15..0.30).contains(&(pairs / dwarfs.len() as f64)), "{pairs}");
}

/// Volume-limited, the masses follow the log-normal mass function: the selection alone makes the survey's differ.
#[test]
fn the_mass_function_has_its_slope() {
    let f = crate::simulation::field::mass_function;
    // d ln(dN/dlogM) / d ln M = -ln(M/M0) / (ln10^2 ... ): checked against the closed form at three masses.
    for mass in [0.12, 0.25, 0.5f64] {
        let h = 1e-4;
        let log_density = |m: f64| (m * f(m)).ln();
        let slope = (log_density(mass * (1.0 + h)) - log_density(mass * (1.0 - h))) / (2.0 * h);
        let expected = -(mass / 0.25).log10() / (0.28 * 0.28) * std::f64::consts::LOG10_E;
        assert!((slope - expected).abs() < 1e-3, "{mass}: {slope} {expected}");
    }
}

/// The color-magnitude diagram after the paper's cuts: nearly all within the quadrangle, young stars above, pairs
/// with a white dwarf and the metal-poor below.
#[test]
fn the_quadrangle_holds_the_main_sequence() {
    let survey = Survey::new(8, Size::Full);
    let shard = Shard::new(&survey, &(0..5000).collect::<Vec<_>>());
    let (mut inside, mut above, mut below, mut cut) = (0, 0, 0, 0);
    for record in &shard.records {
        let s = record.source();
        let good = s.parallax_mas > 5.0 * s.parallax_error_mas
            && s.ruwe < 1.4
            && s.bp.flux > 20.0 * s.bp.error;
        let m_g = s.g.mag + 5.0 * (s.parallax_mas.max(1e-3) / 100.0).log10();
        let color = s.bp.mag - s.rp.mag;
        if !good || m_g <= 5.0 {
            cut += 1;
        } else if m_g < 5.0 + (color - 1.4) * 11.5 / 3.6 {
            above += 1;
        } else if m_g > 5.0 + (color - 0.7) * 11.5 / 3.3 {
            below += 1;
        } else {
            inside += 1;
        }
    }
    let share = |n: i32| f64::from(n) / f64::from(inside + above + below);
    assert!(share(inside) > 0.96, "inside {}", share(inside));
    assert!((0.008..0.03).contains(&share(above)), "above {}", share(above));
    assert!((0.001..0.012).contains(&share(below)), "below {}", share(below));
    assert!((0.08..0.3).contains(&(f64::from(cut) / 5000.0)), "cut {cut}");
}

/// Wide pairs share composition and motion; separations fall with the slope of Tian et al.
#[test]
fn wide_pairs_are_alike() {
    let survey = Survey::new(2, Size::Tiny);
    let pairs: Vec<_> = (0..12).map(|n| crate::simulation::pairs::wide_pair(&survey, n)).collect();
    for pair in &pairs {
        assert!(pair.primary.apparent.g <= pair.secondary.apparent.g);
        assert_eq!(pair.primary.id, PAIR_BASE + 2 * u64::from(pair.number));
        let apart = crate::science::sky::separation_arcsec(
            pair.primary.ra_deg,
            pair.primary.dec_deg,
            pair.secondary.ra_deg,
            pair.secondary.dec_deg,
        );
        let au = apart * pair.primary.distance_pc;
        assert!((au / pair.truth.separation_au - 1.0).abs() < 0.01, "{au}");
        let off = (pair.primary.atmosphere.m_h - pair.secondary.atmosphere.m_h).abs();
        assert!(pair.truth.chance || off < 0.05, "{off}");
    }
    let record = Shard::new(&survey, &[PAIR_BASE, PAIR_BASE + 1]);
    assert_eq!(tian::table(&record).n_row(), 1);
    assert_eq!(truth::wide_pairs(&record).n_row(), 1);
}

/// Members of the Hyades that LAMOST took pass the windows of section 5.1, true values.
#[test]
fn hyades_lie_in_the_papers_windows() {
    let survey = Survey::new(9, Size::Demo);
    let range = survey.spectra_ranges()[2].clone();
    let stars = survey.stars(range);
    let pass = stars.iter().filter(|s| {
        let plx = s.parallax_mas();
        let (a, b) = (s.pmra_mas_yr / plx, s.pmdec_mas_yr / plx);
        let cone =
            crate::science::sky::separation_arcsec(s.ra_deg, s.dec_deg, 66.725, 15.867) < 18_000.0;
        cone && (4.0..6.0).contains(&a) && (-2.5..0.0).contains(&b) && (20.0..25.0).contains(&plx)
    });
    let n = pass.count();
    assert!(n + 2 >= stars.len() && stars.len() == 25, "{n} of {}", stars.len());
    let (m_h, _) = mean_sd(&stars.iter().map(|s| s.atmosphere.m_h).collect::<Vec<_>>());
    assert!((m_h - 0.13).abs() < 0.02, "{m_h}");
    let (pmra, _) = mean_sd(&stars.iter().map(|s| s.pmra_mas_yr).collect::<Vec<_>>());
    assert!((pmra - 101.0).abs() < 8.0, "{pmra}");
}

/// Shares of archive rows: the names of the real columns are there.
#[test]
fn archives_have_their_columns() {
    let survey = Survey::new(7, Size::Tiny);
    let shard = Shard::new(&survey, &survey.ids());
    let apogee = apogee::table(&shard);
    for name in
        ["APOGEE_ID", "TEFF", "TEFF_ERR", "LOGG", "M_H", "M_H_ERR", "ASPCAPFLAG", "EXTRATARG"]
    {
        assert!(apogee.column(name).is_some(), "{name}");
    }
    let teff = apogee.numbers("TEFF").unwrap();
    assert!(teff.contains(&-9999.0), "some labels are missing");
    let n_duplicate =
        apogee.numbers("EXTRATARG").unwrap().iter().filter(|bits| **bits == 16.0).count();
    assert!(n_duplicate > 3);
    let n_source = shard.sources().len();
    assert_eq!(gaia_source::table(&shard).n_row(), n_source);
    assert_eq!(bailer_jones::table(&shard).n_row(), n_source);
    assert_eq!(gaia_source::ruwe(&shard).n_row(), n_source);
    assert_eq!(activity::table(&shard).n_row(), shard.spectra().len());
    let occam = occam::table(&shard);
    assert!(occam.n_row() >= 16);
    let members = occam.numbers("CG_PROB").unwrap();
    assert!(members.iter().any(|p| *p > 0.5) && members.contains(&0.0));
    let n = shard.spectra().len() as i64;
    assert!((n - 600).abs() < 60, "{n} spectra");
}

/// The dust archive holds the dust that the stars see, in its own unit.
#[test]
fn the_dust_archive_agrees_with_the_stars() {
    let survey = Survey::new(7, Size::Tiny);
    let grid = bayestar::grid(&survey);
    let index = grid.pixel_info.numbers("healpix_index").unwrap();
    assert_eq!(grid.best_fit.dim(), (index.len(), bayestar::N_DISTANCE));
    let mut ratios = Vec::new();
    for star in survey.stars(0..300).iter().filter(|s| s.av_mag > 0.05 && s.av_mag < 2.0) {
        let pixel = super::super::healpix::pixel_of(
            super::super::extinction::CLUMP_ORDER,
            star.l_deg,
            star.b_deg,
        );
        let row = index.iter().position(|i| *i == pixel as f64).unwrap();
        let bin = ((5.0 * star.distance_pc.log10() - 5.0 - 4.0) / 0.125).round() as usize;
        let av = f64::from(grid.best_fit[(row, bin)]) * bayestar::AV_PER_UNIT;
        ratios.push(av / star.av_mag);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    assert!((0.93..1.07).contains(&median), "{median} of {}", ratios.len());
}
