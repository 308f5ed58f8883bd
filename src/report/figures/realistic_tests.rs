//! Every figure with data like those of a run, for the tests that look at figures.

use super::*;
use crate::report::plot::{Figure, Measured, Origin, Panel};

/// Figures as a run of some hundred stars gives them.
pub(super) fn realistic() -> Vec<Figure> {
    let o = Origin::Simulated;
    let wave = |i: usize, a: f64| (a * i as f64).sin();
    let teff: Vec<f64> = (0..400).map(|i| 3500.0 + 500.0 * wave(i, 0.37)).collect();
    let other: Vec<f64> =
        teff.iter().enumerate().map(|(i, t)| t + 120.0 + 60.0 * wave(i, 1.7)).collect();
    let m_h: Vec<f64> = (0..400).map(|i| -0.2 + 0.3 * wave(i, 0.77)).collect();
    let m_h2: Vec<f64> =
        m_h.iter().enumerate().map(|(i, m)| m - 0.1 + 0.15 * wave(i, 2.1)).collect();
    let color: Vec<f64> = teff.iter().map(|t| 1.8 + (4000.0 - t) / 700.0).collect();
    let m_g: Vec<f64> =
        color.iter().zip(&m_h).map(|(c, m)| 8.0 + 3.0 * (c - 1.84) - 0.9 * m).collect();
    let error = vec![0.12; 400];
    let flags: Vec<bool> = (0..400).map(|i| i % 3 == 0).collect();
    let at = |v: f64, h: f64| Measured { value: v, low: v - h, high: v + h };
    let pair = |ours, reference, bias, scatter| {
        Panel::Data(Pairs {
            ours,
            reference,
            in_training: &flags,
            bias: Some(bias),
            scatter: Some(scatter),
        })
    };
    let kelvin = || (at(-185.0, 12.0), at(160.0, 11.0));
    let (k, d) = (kelvin(), (at(-0.21, 0.02), at(0.16, 0.02)));
    let snr = [7.0, 15.0, 30.0, 60.0, 120.0, 200.0];
    let scatter: Vec<Measured> = snr.iter().map(|s| at(50.0_f64.hypot(1500.0 / s), 8.0)).collect();
    let small: Vec<Measured> = scatter.iter().map(|m| at(m.value / 500.0, 0.02)).collect();
    let laws = [
        ScatterLaw::Quadrature { floor: 50.0, slope: 1500.0 },
        ScatterLaw::Power { amplitude: 505.0, exponent: 0.511, offset: -5.0 },
    ];
    let curve = |scatter, published| CvCurve {
        snr: &snr,
        n: &[90, 200, 300, 250, 120, 80],
        scatter,
        bias: &small,
        laws: &laws,
        published,
    };
    let clusters_of: Vec<String> = (0..400)
        .map(|i| format!("Collinder {}", [22, 69, 70, 261, 350, 463, 140][i % 7]))
        .collect();
    let masses: Vec<f64> = (0..30).map(|i| 0.1 + 0.025 * f64::from(i)).collect();
    let (iso_t, iso_g): (Vec<f64>, Vec<f64>) =
        masses.iter().map(|m| (2700.0 + 2200.0 * m, 14.5 - 10.0 * m)).unzip();
    let isochrones =
        [-1.0, 0.0, 0.6].map(|m_h| Isochrone { m_h, mass: &masses, teff: &iso_t, m_g: &iso_g });
    let waves: Vec<f64> = (0..400).map(|i| 6147.5 + 6.85 * f64::from(i)).collect();
    let flux: Vec<f64> = (0..400).map(|i| 1.0 + 0.2 * wave(i, 0.11)).collect();
    let notes =
        ["TEFF_AP 3641 ± 51 K, M_H_AP −0.18 ± 0.11".to_owned(), "SNR_{i} 47, no flag".to_owned()];
    let grid: Vec<f64> = (0..400).map(|i| [0.1, 1.0, 10.0][i % 3]).collect();
    let step =
        |name: &str, n_in, n_out| Step { name: name.into(), n_in, n_out, paper: Some(379_258) };
    let steps = [
        step("matched with Gaia DR2", 607_142, 600_000),
        step("quadrangle and giants", 390_000, 379_258),
    ];
    let kept: Vec<Measured> = snr.iter().map(|s| at(0.9 - 0.001 * s, 0.03)).collect();
    let n = [9; 6];
    let fraction = |label: &str| {
        Panel::Data(SelectionCurve {
            label: label.into(),
            at: &snr,
            kept: &kept,
            pure: &kept,
            n: &n,
        })
    };
    let pulls: Vec<f64> = (0..400).map(|i| 1.6 * wave(i, 1.3)).collect();
    let levels = [0.2, 0.4, 0.6, 0.8, 0.9, 0.95];
    let label = |name: &str| {
        Panel::Data(Pulls { label: name.into(), nominal: &levels, found: &kept, pulls: &pulls })
    };
    let scale = TransferLabel {
        label: "T_{eff} (K)".into(),
        old: &teff,
        new: &other,
        offset: Some(at(120.0, 4.0)),
        slope: Some(at(0.012, 0.004)),
        pivot: Some((3500.0, 120.0)),
        decimals: 0,
    };
    let ways = ["cross-validation", "repeats", "wide binaries", "clusters"]
        .map(|name| PrecisionSeries { name: name.into(), snr: &snr, sigma: &scatter });
    vec![
        cmd(
            &CmdFigure {
                bp_rp: &color,
                m_g: &m_g,
                selected: &flags,
                giant_bp_rp: &color,
                giant_m_g: &m_h,
                quadrangle: PRINTED_QUADRANGLE,
                giant_limit: 5.0,
            },
            o,
        ),
        cv(
            &CvFigure {
                teff_ap: Panel::Data(curve(&scatter, (50.0, 0.0))),
                m_h_ap: Panel::Data(curve(&small, (0.1, 0.0))),
                teff_bt: Panel::missing("The BT-Settl branch was not run."),
            },
            o,
        ),
        super::teff(
            &TeffComparisons {
                ap_apogee: pair(&other, &teff, k.0, k.1),
                ap_b20: pair(&other, &teff, k.0, k.1),
                bt_b20: Panel::missing(
                    "The catalog of Birky et al. (2020) is absent, and nothing else takes its place.",
                ),
            },
            o,
        ),
        galgano(&GalganoComparison { bt_galgano: pair(&other, &teff, k.0, k.1) }, o),
        metallicity(
            &MetallicityComparisons {
                ap_apogee: pair(&m_h2, &m_h, d.0, d.1),
                ap_b20: pair(&m_h2, &m_h, d.0, d.1),
                bt_apogee: pair(&m_h2, &m_h, d.0, d.1),
                split: -0.25,
            },
            o,
        ),
        hrd(
            &HrdFigure {
                teff_ap: &teff,
                teff_bt: &other,
                bp_rp: &color,
                m_g: &m_g,
                m_h: &m_h,
                isochrones: &isochrones,
                masses: &[0.3, 0.5, 0.7],
                rho: Some(0.71),
            },
            o,
        ),
        hyades(
            &HyadesFigure {
                m_h: &m_h[..23],
                m_h_error: &error[..23],
                teff: &teff[..23],
                mean: Some(at(-0.01, 0.04)),
                sd: Some(at(0.1, 0.03)),
                slope: Some(at(-0.004, 0.013)),
                literature: 0.13,
            },
            o,
        ),
        clusters(
            &ClustersFigure {
                cluster: &clusters_of,
                m_h: &m_h2,
                fe_h: &m_h,
                in_training: &flags,
                bias: Some(d.0),
                scatter: Some(d.1),
            },
            o,
        ),
        binaries(
            &BinariesFigure {
                primary: &m_h[..92],
                primary_error: &error[..92],
                secondary: &m_h2[..92],
                secondary_error: &error[..92],
                mean: Some(d.0),
                scatter: Some(d.1),
                sigma_norm: Some(at(0.8, 0.12)),
                shuffled: &pulls,
            },
            o,
        ),
        spectrum(
            &SpectrumFigure {
                obsid: "300208242",
                wave: &waves,
                flux: &flux,
                sigma: &error,
                model: &flux,
                masked: &flags,
                notes: &notes,
            },
            o,
        ),
        pixels(
            &PixelFigure {
                model: "slam_ap",
                wave: &waves,
                cv_mse: &flux,
                photon: &error,
                c: &grid,
                gamma: &grid,
                epsilon: &error,
            },
            o,
        ),
        hull(
            &HullFigure {
                training: [&teff[..200], &color[..200], &m_h[..200]],
                stars: [&teff, &color, &m_h],
                outside: &flags,
            },
            o,
        ),
        attrition(&AttritionFigure { steps: &steps }, o),
        selection(
            &SelectionFigure {
                curves: vec![fraction("M_{G} (mag)"), Panel::missing("The truth is not known.")],
            },
            o,
        ),
        coverage(&CoverageFigure { labels: vec![label("TEFF_AP"), label("M_H_AP")] }, o),
        transfer(
            &TransferFigure { old: "ASPCAP", new: "BT-Settl", labels: vec![Panel::Data(scale)] },
            o,
        ),
        precision(
            &PrecisionFigure {
                labels: vec![Panel::Data(PrecisionLabel {
                    label: "σ(T_{eff}) (K)".into(),
                    series: ways.to_vec(),
                    adopted: (&snr, &levels),
                })],
            },
            o,
        ),
        sensitivity(
            &SensitivityFigure {
                rows: &["none", "velocity +40 km/s", "air wavelengths", "30% of a companion"].map(
                    |name| Disturbance {
                        name: name.into(),
                        teff: at(-12.0, 3.0),
                        m_h: at(-0.02, 0.01),
                    },
                ),
            },
            o,
        ),
    ]
}
