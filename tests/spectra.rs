//! LAMOST files made for tests: an image of five rows, with a band whose depth follows Teff.

/// One star's made-up spectrum.
pub struct Star {
    pub obsid: i64,
    pub ra_deg: f64,
    pub dec_deg: f64,
    pub teff_k: f64,
    pub snr: f32,
}

const PIXELS: usize = 3900;
const BLOCK: usize = 2880;

fn card(keyword: &str, value: &str) -> String {
    format!("{:<80}", format!("{keyword:<8}= {value:>20}"))
}

fn text_card(keyword: &str, value: &str) -> String {
    format!("{:<80}", format!("{keyword:<8}= '{value:<8}'"))
}

fn header(star: &Star) -> String {
    let mut cards = vec![
        card("SIMPLE", "T"),
        card("BITPIX", "-32"),
        card("NAXIS", "2"),
        card("NAXIS1", &PIXELS.to_string()),
        card("NAXIS2", "5"),
        card("OBSID", &star.obsid.to_string()),
        card("RA", &format!("{:.6}", star.ra_deg)),
        card("DEC", &format!("{:.6}", star.dec_deg)),
        card("MJD", "57000"),
        card("SNRI", &format!("{:.2}", star.snr)),
        card("Z", "0.0"),
        card("VACUUM", "T"),
        text_card("CLASS", "STAR"),
        text_card("SUBCLASS", "M2"),
    ];
    cards.push(format!("{:<80}", "END"));
    let text = cards.concat();
    format!("{text:<width$}", width = text.len().div_ceil(BLOCK) * BLOCK)
}

/// The star's FITS file.
pub fn fits(star: &Star) -> Vec<u8> {
    let wave = |i: usize| 10f64.powf(3.5682 + 1e-4 * i as f64);
    // Noise that needs no generator: an irrational rotation, different for each star.
    let noise = |i: usize| {
        let phase = (i as f64 * 0.618_033_988_75 + star.obsid as f64 * 0.414_213_562).fract();
        (phase - 0.5) * 3.4 / f64::from(star.snr)
    };
    let depth = (4600.0 - star.teff_k) / 3000.0;
    let flux = |i: usize| {
        let w = wave(i);
        let bands = [6700.0, 7100.0, 7600.0, 8450.0];
        let band: f64 = bands.iter().map(|b| (-((w - b) / 15.0).powi(2)).exp()).sum();
        let line = (-((w - 8190.0) / 6.0).powi(2)).exp() * (star.teff_k / 4000.0).powi(4) * 0.3;
        1000.0 * (w / 7500.0) * (1.0 - depth * band - line) * (1.0 + noise(i))
    };
    let rows: [Box<dyn Fn(usize) -> f64>; 5] = [
        Box::new(flux),
        Box::new(|i| (f64::from(star.snr) / (1000.0 * wave(i) / 7500.0)).powi(2)),
        Box::new(wave),
        Box::new(|_| 0.0),
        Box::new(|_| 0.0),
    ];
    let mut bytes = header(star).into_bytes();
    for row in &rows {
        for pixel in 0..PIXELS {
            bytes.extend_from_slice(&(row(pixel) as f32).to_be_bytes());
        }
    }
    bytes.resize(bytes.len().div_ceil(BLOCK) * BLOCK, 0);
    bytes
}

/// A small survey: `n` stars from 2,900 to 4,300 K.
pub fn survey(n: usize) -> Vec<Star> {
    (0..n)
        .map(|i| Star {
            obsid: 1000 + i as i64,
            ra_deg: 10.0 + i as f64 * 0.5,
            dec_deg: 20.0 - i as f64 * 0.3,
            teff_k: 2900.0 + 1400.0 * (i as f64 * 0.754_877_666).fract(),
            snr: 40.0 + 2.0 * i as f32,
        })
        .collect()
}
