use super::*;

/// The smooth sequence keeps within the rounding steps of the table: 24 K and 0.07 mag rms.
#[test]
fn the_spine_is_reproduced_at_solar_metallicity() {
    let (mut teff2, mut g2) = (0.0, 0.0);
    for node in &SPINE {
        let teff = teff_k(node.bp_rp, 0.0) - node.teff_k;
        let ks = quartic(&M_G_FIT, node.bp_rp) - quartic(&G_KS_FIT, node.bp_rp);
        let g = magnitudes(ks, node.bp_rp).g - node.m_g;
        assert!((bp_rp(ks, 0.0) - node.bp_rp).abs() < 1e-4, "{}", node.subtype);
        assert!(teff.abs() < 55.0 && g.abs() < 0.16, "{}: {teff} K, {g} mag", node.subtype);
        assert!((ks - node.m_ks).abs() < 0.19, "{}: {ks}", node.subtype);
        teff2 += teff * teff;
        g2 += g * g;
    }
    let n = SPINE.len() as f64;
    assert!((teff2 / n).sqrt() < 26.0 && (g2 / n).sqrt() < 0.075);
}

/// Colors and magnitudes do not turn back between the nodes.
#[test]
fn the_sequence_is_monotone_in_mass() {
    let stars: Vec<_> = (9..=70)
        .map(|m| main_sequence_star(f64::from(m) / 100.0, 0.0, 0.0, Deviations::default()))
        .collect();
    for pair in stars.windows(2) {
        assert!(pair[1].0.teff_k > pair[0].0.teff_k);
        assert!(pair[1].1.g < pair[0].1.g && pair[1].1.i < pair[0].1.i);
        assert!(pair[1].1.bp - pair[1].1.rp < pair[0].1.bp - pair[0].1.rp);
    }
}

/// Masses, radii and gravities of Pecaut & Mamajek's table against the relations of Mann et al.
#[test]
fn mass_radius_and_gravity_agree_with_the_table() {
    let table = [
        ("M0", 0.585, 0.588),
        ("M2", 0.45, 0.446),
        ("M3", 0.36, 0.361),
        ("M4", 0.24, 0.274),
        ("M5", 0.155, 0.196),
    ];
    for (subtype, mass, radius) in table {
        let node = SPINE.iter().find(|n| n.subtype == subtype).unwrap();
        let ours = 10f64.powf(log_mass_of_m_ks(node.m_ks));
        assert!((ours / mass - 1.0).abs() < 0.08, "{subtype}: mass {ours}");
        let ours = radius_rsun(node.m_ks, 0.0);
        assert!((ours / radius - 1.0).abs() < 0.06, "{subtype}: radius {ours}");
    }
    let m0 = logg(0.585, radius_rsun(5.15, 0.0));
    let m6 = logg(0.105, radius_rsun(9.22, 0.0));
    assert!((4.6..4.75).contains(&m0) && (5.1..5.3).contains(&m6), "{m0} {m6}");
    for mass in [0.1, 0.2, 0.4, 0.7] {
        let back = 10f64.powf(log_mass_of_m_ks(m_ks_of_mass(mass)));
        assert!((back / mass - 1.0).abs() < 1e-4);
    }
}

/// At fixed color a metal-poor star is fainter by 0.9 mag per dex and cooler by 165 K per dex.
#[test]
fn metallicity_moves_the_sequence_as_declared() {
    let color = 2.4;
    let ks_at = |m_h: f64| {
        let (mut low, mut high) = (4.0, 10.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if bp_rp(middle, m_h) < color { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    let shift = ks_at(-0.5) - ks_at(0.0);
    assert!((shift - 0.45).abs() < 1e-6, "{shift}");
    assert!((teff_k(color, 0.0) - teff_k(color, -1.0) - 165.0).abs() < 1e-9);
    // At fixed mass it is bluer and hotter.
    let (poor, _) = main_sequence_star(0.4, -0.5, 0.0, Deviations::default());
    let (solar, _) = main_sequence_star(0.4, 0.0, 0.0, Deviations::default());
    assert!(poor.teff_k > solar.teff_k && poor.teff_k - solar.teff_k < 200.0);
}

/// Distances of the spine from the bright edge of Fig. 1's quadrangle, (1.4, 5) to (5, 16.5), and from its faint edge,
/// (0.7, 5) to (4, 16.5): they decide what the paper's cut keeps. M6.5 lies outside.
#[test]
fn the_spine_keeps_its_margins_in_the_quadrangle() {
    let bright = |color: f64| 5.0 + (color - 1.4) * 11.5 / 3.6;
    let faint = |color: f64| 5.0 + (color - 0.7) * 11.5 / 3.3;
    let expected = [
        ("K7", 1.6, 0.9),
        ("M0", 1.7, 0.9),
        ("M2", 1.6, 1.0),
        ("M3", 1.5, 1.2),
        ("M4", 1.3, 1.6),
        ("M5", 1.2, 1.8),
        ("M6", 0.4, 2.8),
    ];
    for (subtype, up, down) in expected {
        let node = SPINE.iter().find(|n| n.subtype == subtype).unwrap();
        let m_g = quartic(&M_G_FIT, node.bp_rp);
        assert!((m_g - bright(node.bp_rp) - up).abs() < 0.25, "{subtype}");
        assert!((faint(node.bp_rp) - m_g - down).abs() < 0.25, "{subtype}");
    }
    let out = SPINE.iter().find(|n| n.subtype == "M6.5").unwrap();
    let m_g = quartic(&M_G_FIT, out.bp_rp);
    assert!((m_g - bright(out.bp_rp) + 0.5).abs() < 0.25);
}
