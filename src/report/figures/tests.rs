use serde_json::Value;

use super::realistic_tests::realistic;
use super::*;
use crate::report::plot::{Figure, Measured, Origin, Panel};

/// Whether the SVG is well-formed: every element that opens is closed, in order.
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("an end of the element");
        let element = &rest[at + 1..end];
        assert!(!rest[..at].contains('&') || rest[..at].contains(';'), "a bare ampersand");
        let name = element.trim_start_matches('/').split([' ', '/']).next().expect("a name");
        if element.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closes what is open");
        } else if !element.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "left open: {open:?}");
    let drawn = crate::report::plot::without_font(svg);
    for none in ["NaN", "inf"] {
        let at = drawn.find(none).map(|at| &drawn[at.saturating_sub(80)..]);
        assert!(at.is_none(), "a number that is none: {:.160}", at.unwrap_or_default());
    }
}

fn check(figure: &Figure) {
    assert_well_formed(&figure.svg);
    assert!(figure.svg.contains("@font-face"), "{}: a font inside", figure.name);
    assert_eq!(&figure.png[1..4], b"PNG");
    assert!(!figure.caption.is_empty() && !figure.alt.is_empty());
    assert_eq!(figure.json["figure"], Value::from(figure.name.as_str()));
}

/// Text of the SVG without elements.
fn words(figure: &Figure) -> String {
    let body = crate::report::plot::without_font(&figure.svg);
    body.split('<').map(|part| part.split_once('>').map_or("", |p| p.1)).collect()
}

fn is_missing(figure: &Figure) -> bool {
    figure.json["panels"].as_array().expect("panels").iter().any(|p| p["missing"].is_string())
}

fn pairs<'a>(ours: &'a [f64], reference: &'a [f64]) -> Panel<Pairs<'a>> {
    Panel::Data(Pairs { ours, reference, in_training: &[], bias: None, scatter: None })
}

/// Every figure from the same slices.
fn all(v: &[f64]) -> Vec<Figure> {
    let o = Origin::Observed;
    let measured: Vec<Measured> = v.iter().map(|v| Measured::bare(*v)).collect();
    let n: Vec<usize> = v.iter().map(|_| 3).collect();
    let (flags, names): (Vec<bool>, Vec<String>) = v.iter().map(|_| (true, "C".to_owned())).unzip();
    let curve = CvCurve {
        snr: v,
        n: &n,
        scatter: &measured,
        bias: &measured,
        laws: &[],
        published: (50.0, 0.0),
    };
    let isochrone = [Isochrone { m_h: 0.0, mass: v, teff: v, m_g: v }];
    let row =
        |c: &str| SelectionCurve { label: c.into(), at: v, kept: &measured, pure: &[], n: &n };
    let pulls = Pulls { label: "TEFF_AP".into(), nominal: v, found: &measured, pulls: v };
    let label = TransferLabel {
        label: "T".into(),
        old: v,
        new: v,
        offset: None,
        slope: None,
        pivot: None,
        decimals: 0,
    };
    vec![
        cmd(
            &CmdFigure {
                bp_rp: v,
                m_g: v,
                selected: &flags,
                giant_bp_rp: v,
                giant_m_g: v,
                quadrangle: PRINTED_QUADRANGLE,
                giant_limit: 5.0,
            },
            o,
        ),
        cv(
            &CvFigure {
                teff_ap: Panel::Data(curve),
                m_h_ap: Panel::Data(curve),
                teff_bt: Panel::Data(curve),
            },
            o,
        ),
        teff(
            &TeffComparisons { ap_apogee: pairs(v, v), ap_b20: pairs(v, v), bt_b20: pairs(v, v) },
            o,
        ),
        galgano(&GalganoComparison { bt_galgano: pairs(v, v) }, o),
        metallicity(
            &MetallicityComparisons {
                ap_apogee: pairs(v, v),
                ap_b20: pairs(v, v),
                bt_apogee: pairs(v, v),
                split: -0.25,
            },
            o,
        ),
        hrd(
            &HrdFigure {
                teff_ap: v,
                teff_bt: v,
                bp_rp: v,
                m_g: v,
                m_h: v,
                isochrones: &isochrone,
                masses: &[0.5],
                rho: None,
            },
            o,
        ),
        hyades(
            &HyadesFigure {
                m_h: v,
                m_h_error: v,
                teff: v,
                mean: None,
                sd: None,
                slope: None,
                literature: 0.13,
            },
            o,
        ),
        clusters(
            &ClustersFigure {
                cluster: &names,
                m_h: v,
                fe_h: v,
                in_training: &flags,
                bias: None,
                scatter: None,
            },
            o,
        ),
        binaries(
            &BinariesFigure {
                primary: v,
                primary_error: v,
                secondary: v,
                secondary_error: v,
                mean: None,
                scatter: None,
                sigma_norm: None,
                shuffled: v,
            },
            o,
        ),
        spectrum(
            &SpectrumFigure {
                obsid: "1",
                wave: v,
                flux: v,
                sigma: v,
                model: v,
                masked: &flags,
                notes: &names,
            },
            o,
        ),
        pixels(
            &PixelFigure { model: "m", wave: v, cv_mse: v, photon: v, c: v, gamma: v, epsilon: v },
            o,
        ),
        hull(&HullFigure { training: [v, v, v], stars: [v, v, v], outside: &flags }, o),
        selection(
            &SelectionFigure { curves: vec![Panel::Data(row("a")), Panel::missing("none")] },
            o,
        ),
        coverage(&CoverageFigure { labels: vec![Panel::Data(pulls)] }, o),
        transfer(&TransferFigure { old: "a", new: "b", labels: vec![Panel::Data(label)] }, o),
        precision(
            &PrecisionFigure {
                labels: vec![Panel::Data(PrecisionLabel {
                    label: "s".into(),
                    series: vec![PrecisionSeries { name: "r".into(), snr: v, sigma: &measured }],
                    adopted: (v, v),
                })],
            },
            o,
        ),
    ]
}

#[test]
fn realistic_figures_miss_only_what_is_said_to_be_missing() {
    let missing: usize = realistic()
        .iter()
        .inspect(|figure| check(figure))
        .map(|f| {
            f.json["panels"]
                .as_array()
                .map_or(0, |p| p.iter().filter(|p| p["missing"].is_string()).count())
        })
        .sum();
    assert_eq!(missing, 3);
}

#[test]
fn nothing_at_all_gives_missing_panels() {
    let nan = [f64::NAN; 5];
    for input in [&[][..], &nan[..]] {
        for figure in all(input) {
            check(&figure);
            assert!(is_missing(&figure), "{} of {input:?}", figure.name);
        }
    }
    assert!(is_missing(&sensitivity(&SensitivityFigure { rows: &[] }, Origin::Observed)));
    let empty = attrition(&AttritionFigure { steps: &[] }, Origin::Observed);
    check(&empty);
    assert!(is_missing(&empty));
}

#[test]
fn odd_input_is_drawn_or_missing_but_never_a_panic() {
    let odd: [&[f64]; 8] = [
        &[1.0],
        &[1.0, 1.0, 1.0],
        &[0.0, -1.0],
        &[f64::INFINITY, f64::NEG_INFINITY, 1.0, 2.0],
        &[1e300, -1e300, 0.0],
        &[1e-300, 2e-300],
        &[f64::NAN, 3500.0, f64::NAN, 3600.0],
        &[f64::MAX, f64::MIN, f64::MIN_POSITIVE],
    ];
    for input in odd {
        for figure in all(input) {
            check(&figure);
        }
    }
    let three = ["C".to_owned(), "D".to_owned(), "D".to_owned()];
    let short = ClustersFigure {
        cluster: &three,
        m_h: &[0.1, 0.2, 0.3],
        fe_h: &[0.1, 0.2],
        in_training: &[true],
        bias: None,
        scatter: None,
    };
    check(&clusters(&short, Origin::Observed));
    let row = Disturbance {
        name: "n".into(),
        teff: Measured::bare(f64::NAN),
        m_h: Measured::bare(1e300),
    };
    check(&sensitivity(&SensitivityFigure { rows: &[row] }, Origin::Observed));
    let uneven = HyadesFigure {
        m_h: &[0.1, 0.2],
        m_h_error: &[],
        teff: &[3500.0],
        mean: None,
        sd: None,
        slope: None,
        literature: 0.13,
    };
    check(&hyades(&uneven, Origin::Observed));
}

#[test]
fn annotations_are_text_and_the_twin_has_their_numbers() {
    let reference = [3000.0, 3200.0, 3400.0, 3600.0];
    let ours = [3010.0, 3190.0, 3420.0, 3620.0];
    let bias = Some(Measured { value: 10.0, low: -4.0, high: 21.0 });
    let data = Pairs {
        ours: &ours,
        reference: &reference,
        in_training: &[true, false, true, false],
        bias,
        scatter: None,
    };
    let missing = || Panel::missing("The catalog of B20 is absent.");
    let figure = teff(
        &TeffComparisons { ap_apogee: Panel::Data(data), ap_b20: missing(), bt_b20: missing() },
        Origin::Simulated,
    );
    check(&figure);
    let text = words(&figure);
    for part in [
        "n = 4",
        "bias +10 [\u{2212}4, +21]",
        "sd 14",
        "APOGEE T",
        "SIMULATED DATA",
        "The catalog of B20 is absent.",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(figure.caption.starts_with("Simulated data."));
    let panel = &figure.json["panels"][0];
    assert_eq!(panel["annotations"][0], "n = 4");
    let dots = panel["marks"]
        .as_array()
        .and_then(|m| m.iter().find(|m| m["kind"] == "dots"))
        .expect("dots");
    assert_eq!(dots["y"], serde_json::json!([3010.0, 3190.0, 3420.0, 3620.0]));
    assert_eq!(
        figure.json["panels"].as_array().map(Vec::len),
        Some(5),
        "three panels and two missing ones"
    );
}

#[test]
fn magnitudes_grow_downward() {
    let data = CmdFigure {
        bp_rp: &[2.0, 2.5],
        m_g: &[8.0, 10.0],
        selected: &[true, true],
        giant_bp_rp: &[],
        giant_m_g: &[],
        quadrangle: PRINTED_QUADRANGLE,
        giant_limit: 5.0,
    };
    let figure = cmd(&data, Origin::Observed);
    let range = &figure.json["panels"][0]["y"]["range"];
    assert!(range[0].as_f64() > range[1].as_f64(), "{range}");
    assert!(!words(&figure).contains("SIMULATED"));
}

#[test]
fn the_scatter_laws_are_those_of_their_names() {
    let quadrature = ScatterLaw::Quadrature { floor: 3.0, slope: 40.0 };
    assert!((quadrature.at(10.0) - 5.0).abs() < 1e-12);
    let power = ScatterLaw::Power { amplitude: 100.0, exponent: 0.5, offset: -1.0 };
    assert!((power.at(100.0) - 9.0).abs() < 1e-12);
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let v: Vec<f64> = (0..200).map(|i| 3000.0 + 7.0 * f64::from(i)).collect();
    assert!(all(&v) == all(&v));
}
