use super::*;
use crate::report::cards::CardPart;
use crate::report::figures::{AttritionFigure, attrition};
use crate::report::tables::notation;

fn page_of(stars: Option<&StarBlock<'_>>) -> String {
    let steps =
        [Step { name: "ruwe < 1.4 & more".into(), n_in: 5000, n_out: 4000, paper: Some(379_258) }];
    let figure = attrition(&AttritionFigure { steps: &steps }, Origin::Simulated);
    let claim = ClaimRow {
        id: "F2a".into(),
        section: "4.1".into(),
        about: "scatter </script><b>".into(),
        paper: "50 K".into(),
        accept: [40.0, 60.0],
        value: Some(51.23),
        interval: Some([48.0, 54.0]),
        n: Some(1234),
        status: "PASS".into(),
        sample: "out of fold".into(),
        statistic: "rms".into(),
        why: String::new(),
    };
    let page = page(&Report {
        title: "Title",
        summary: "Summary.",
        origin: Origin::Simulated,
        figures: std::slice::from_ref(&figure),
        diagnostics: &[],
        tables: &[notation()],
        attrition: &steps,
        cards: &[card()],
        simulated: &["All.".into()],
        stars,
    });
    filled(
        &page,
        &RunFacts {
            is_simulated: true,
            claims: vec![claim],
            contradictions: vec![Contradiction {
                id: "eq5".into(),
                section: "eq. 5".into(),
                problem: "1/n stands outside of the root".into(),
                ..Contradiction::default()
            }],
            record: vec![("run".into(), "20210130T000000".into())],
            columns: vec![ColumnOrigin {
                name: "TEFF_AP".into(),
                unit: "K".into(),
                about: "temperature".into(),
                steps: vec![("fits.ap_Teff".into(), "label of training.Teff".into())],
            }],
            flags: vec![FlagColumn {
                names: vec!["flags".into()],
                about: "what is wrong".into(),
                values: vec![("4".into(), "too hot".into())],
            }],
            acknowledgements: vec![("gaia".into(), "ESA".into())],
            data: serde_json::json!({"what": "</script>"}),
            ..RunFacts::default()
        },
    )
}

fn card() -> ModelCard {
    let part = CardPart {
        heading: "Limits".into(),
        sentences: vec!["No giants.".into()],
        ..CardPart::default()
    };
    ModelCard {
        name: "slam_ap".into(),
        title: "labels".into(),
        purpose: "To label.".into(),
        parts: vec![part],
    }
}

#[test]
fn slots_are_filled_again_and_again() {
    let first = page_of(None);
    let again = filled(&first, &RunFacts::default());
    assert!(!again.contains("51.23") && again.contains("makes no claims"));
    assert_eq!(filled(&again, &RunFacts::default()), again);
    assert_eq!(filled("<p>none</p>", &RunFacts::default()), "<p>none</p>");
}

#[test]
fn the_page_asks_no_network() {
    let text = page_of(None);
    for scheme in ["http:", "https:", "//cdn", "src=\"", "@import", "<link", "<iframe"] {
        assert!(!text.contains(scheme), "{scheme}");
    }
    assert!(text.contains("default-src 'none'"));
    let bad = text.match_indices("url(").any(|(at, _)| {
        let rest = &text[at + 4..];
        !rest.starts_with('#') && !rest.starts_with("data:")
    });
    assert!(!bad, "a url that is not inside");
}

#[test]
fn the_page_shows_every_section_and_escapes_what_it_is_given() {
    let text = page_of(None);
    for part in [
        "id=\"claims\"",
        "✓ PASS",
        "51.23",
        "1,234",
        "id=\"attrition\"",
        "ruwe &lt; 1.4 &amp; more",
        "379,258",
        "eq. 5",
        "TEFF_BT",
        "No giants.",
        "too hot",
        "fits.ap_Teff",
        "20210130T000000",
        "ESA",
        "Simulated data.",
        "No star was labeled",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("scatter &lt;/script&gt;&lt;b&gt;"));
    assert_eq!(text.matches("<script").count(), text.matches("</script>").count());
    assert_eq!(text.matches("<section").count(), text.matches("</section>").count());
}

/// What the page's script does with a star's bytes.
fn decoded(bytes: &[u8], n: usize, low: f64, step: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut model, mut flux, mut levels, mut last) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for &code in &bytes[..n] {
        if code == 255 {
            model.push(f64::NAN);
            levels.push(None);
        } else {
            last = (last + i32::from(code)) % 255;
            model.push(low + f64::from(last) * step);
            levels.push(Some(last));
        }
    }
    let mut ground = 127;
    for (level, &code) in levels.iter().zip(&bytes[n..2 * n]) {
        ground = level.unwrap_or(ground);
        let value = low + f64::from((ground + i32::from(code)) % 255) * step;
        flux.push(if code == 255 { f64::NAN } else { value });
    }
    (model, flux)
}

#[test]
fn spectra_come_back_within_half_a_step() {
    let n = 100;
    let wave: Vec<f64> = (0..n).map(|i| 6000.0 + i as f64).collect();
    let mut model: Vec<f32> = (0..n).map(|i| 1.0 + 0.3 * (i as f32 / 9.0).sin()).collect();
    let mut flux: Vec<f32> =
        model.iter().enumerate().map(|(i, m)| m + 0.1 * (i as f32 * 1.7).cos()).collect();
    (model[7], flux[8], flux[20], model[20]) = (f32::NAN, f32::INFINITY, f32::NAN, f32::NAN);
    let star = |model| Star {
        obsid: "1",
        values: &[3500.0, f64::NAN],
        flags: &[],
        source: "",
        flux: &flux,
        model,
    };
    let stars = [star(&model[..]), star(&[])];
    let columns = [("TEFF_AP", "K", 0), ("M_H_AP", "dex", 2)];
    let block = StarBlock {
        wave: &wave,
        columns: &columns,
        stars: &stars,
        provenance: &[],
        budget: StarBlock::BUDGET,
    };
    assert_eq!(block.pixels_in_one(), 1);
    let (head, bytes) = stars::coded(&block);
    assert_eq!(bytes.len(), 2 * 2 * n);
    assert!(head["stars"][0][1][1].is_null(), "NaN is null");
    for (i, want) in [&model[..], &[]].into_iter().enumerate() {
        let (low, step) =
            (head["stars"][i][4].as_f64().unwrap(), head["stars"][i][5].as_f64().unwrap());
        let (found, light) = decoded(&bytes[2 * n * i..], n, low, step);
        for j in 0..n {
            let model = want.get(j).copied().unwrap_or(f32::NAN);
            for (want, found) in [(model, found[j]), (flux[j], light[j])] {
                assert_eq!(want.is_finite(), found.is_finite(), "star {i} pixel {j}");
                assert!(
                    !want.is_finite() || (f64::from(want) - found).abs() <= 0.501 * step,
                    "{want} {found}"
                );
            }
        }
    }
}

#[test]
fn six_thousand_stars_fit_the_budget() {
    let wave = vec![1.0; 1596];
    let star = Star { obsid: "1", values: &[], flags: &[], source: "", flux: &[], model: &[] };
    let stars = vec![star; 6000];
    let block = StarBlock {
        wave: &wave,
        columns: &[],
        stars: &stars,
        provenance: &[],
        budget: StarBlock::BUDGET,
    };
    assert_eq!(block.pixels_in_one(), 4);
    assert!(stars::coded(&block).1.len() <= StarBlock::BUDGET);
    assert!(page_of(Some(&StarBlock { stars: &stars[..3], ..block })).contains("star-spectra"));
}
