//! Starts of label fits: what each way costs, and how many stars end where the exact search ends.

use mdwarf::science::slam::{FitOptions, LabelFit, LabelFitter, SlamModel, Start};

use crate::timing::least;
use crate::{compressed, options, problem};

const N_STAR: usize = 1_000;
/// Labels nearer than this are of the same optimum, formal errors.
const SAME: f64 = 0.05;

pub fn print() {
    println!("{N_STAR} stars, 1,596 pixels, CPU milliseconds a star on one thread");
    let models = [
        ("n_train = 3,785", problem::model(3_785, 3, 1_596)),
        ("n_train = 15,000 without noise", problem::model_of_noise(15_000, 3, 1_596, 0.0)),
    ];
    for (name, model) in &models {
        let (exact, exact_s) = fits(model, Start::Exact);
        let (fast, fast_s) = fits(model, Start::Fast);
        let same = fast.iter().zip(&exact).filter(|(fast, exact)| is_same(fast, exact)).count();
        println!(
            "{name}: exact {:.2}, fast {:.2}; {:.1} % end in the same optimum",
            1e3 * exact_s,
            1e3 * fast_s,
            100.0 * same as f64 / N_STAR as f64
        );
    }
}

fn fits(model: &SlamModel, start: Start) -> (Vec<LabelFit>, f64) {
    let fitter = LabelFitter::new(model, FitOptions { start, ..options(compressed()) });
    let fitter = fitter.expect("a fitter");
    let (flux, ivar) = problem::spectra(model, N_STAR);
    let found = fitter.fit_many(flux.view(), ivar.view()).expect("labels");
    let cost_s = least(1, || fitter.fit_many(flux.view(), ivar.view())) / N_STAR as f64;
    (found, cost_s)
}

fn is_same(fit: &LabelFit, exact: &LabelFit) -> bool {
    let shift = (&fit.labels - &exact.labels) / &exact.formal_errors;
    shift.iter().all(|shift| shift.abs() < SAME)
}
