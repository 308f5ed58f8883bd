//! The posterior of chosen stars by affine-invariant ensemble sampling (Goodman & Weare 2010, CAMCoS 5, 65).
//!
//! For stars whose errors matter more than time: skewed or several optima show here and not in the covariance. Flat
//! prior within the bounds of the fit, the loss of the fit as -log likelihood. One chain takes
//! n_walker n_step evaluations, about half a second by the compressed model.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

use super::super::sorting::sort_numbers;
use super::cells::CellScratch;
use super::fit::LabelFitter;
use super::label_fit::LabelFit;
use super::lanes::{LaneSpectrum, pixel_sums};
use super::{SlamError, check_length};

/// How to sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PosteriorOptions {
    /// Walkers; even, at least twice the number of labels and four.
    pub n_walker: usize,
    /// Steps of each that are thrown away.
    pub n_burn: usize,
    /// Steps of each that are kept.
    pub n_step: usize,
}

impl Default for PosteriorOptions {
    /// 32 walkers, 200 + 800 steps: some 25 autocorrelation times of a posterior like a Gaussian.
    fn default() -> Self {
        Self { n_walker: 32, n_burn: 200, n_step: 800 }
    }
}

/// Percentiles of one star's labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// 16th, 50th and 84th percentile, physical units, `(n_label, 3)`.
    pub percentiles: Array2<f64>,
    /// Integrated autocorrelation time of each label, steps, `(n_label,)`; NaN where the label is held. A chain
    /// shorter than about 50 of it is not to be trusted (Sokal 1997).
    pub autocorrelation_steps: Array1<f64>,
    /// Share of proposals that were accepted.
    pub acceptance: f64,
    /// Samples kept.
    pub n_sample: usize,
}

/// Scale of the stretch move.
const STRETCH: f64 = 2.0;
/// Window of the autocorrelation sum, in autocorrelation times.
const WINDOW: f64 = 5.0;

impl LabelFitter {
    /// Samples the posterior around `fit`, the fit of the same spectrum; `flux` and `ivar`, `(n_pix,)`. The random
    /// numbers follow from `obsid` alone. `None` where the fit has no errors to start from.
    ///
    /// # Errors
    /// [`SlamError::Length`] for a spectrum on other pixels, [`SlamError::Option`] for too few walkers or no step.
    pub fn posterior(
        &self,
        flux: ArrayView1<'_, f64>,
        ivar: ArrayView1<'_, f64>,
        fit: &LabelFit,
        obsid: i64,
        options: PosteriorOptions,
    ) -> Result<Option<Posterior>, SlamError> {
        check_length("flux", flux.len(), self.n_pix)?;
        check_length("ivar", ivar.len(), self.n_pix)?;
        check(options, self.n_label())?;
        let scaler = &self.label_scaler;
        let errors = Array1::from_shape_fn(fit.labels.len(), |l| {
            if scaler.constant[l] { 0.0 } else { fit.formal_errors[l] / scaler.scale[l] }
        });
        if !fit.labels.iter().chain(&errors).all(|v| v.is_finite()) {
            return Ok(None);
        }
        let (spectrum, _) = self.weights.spectrum(flux, ivar);
        let mut rng = Deviates(ChaCha8Rng::seed_from_u64(obsid as u64));
        let optimum = scaler.transform_row(fit.labels.view());
        let mut scratch = CellScratch::default();
        let mut ensemble = Ensemble::around(&optimum, &errors, options.n_walker, &mut rng);
        let mut log_likelihood = |theta: &Array1<f64>| {
            if self.bounds.clamp(theta) != theta {
                return f64::NEG_INFINITY;
            }
            -self.cost(theta, &spectrum, &mut scratch)
        };
        ensemble.judge(&mut log_likelihood);
        let mut chain = Vec::with_capacity(options.n_step);
        let mut n_accepted = 0;
        for step in 0..options.n_burn + options.n_step {
            let accepted = ensemble.advance(&mut rng, &mut log_likelihood);
            if step >= options.n_burn {
                n_accepted += accepted;
                chain.push(ensemble.walkers.clone());
            }
        }
        Ok(Some(self.summary(&chain, n_accepted)))
    }

    fn cost(&self, theta: &Array1<f64>, spectrum: &LaneSpectrum, scratch: &mut CellScratch) -> f64 {
        let (loss, n_label) = (self.options.loss, theta.len());
        let mut pulls = std::mem::take(&mut scratch.pulls);
        let sums = match (&self.exact, &self.cells) {
            (Some(exact), _) => {
                let planes = exact.planes(theta.view().insert_axis(Axis(0)));
                let planes = planes.as_slice().unwrap_or_default();
                pixel_sums(planes, n_label, spectrum, loss, &mut pulls)
            }
            (None, Some(cells)) => {
                cells.planes(theta.view(), scratch);
                pixel_sums(&scratch.planes, n_label, spectrum, loss, &mut pulls)
            }
            // A fitter has one of the two.
            (None, None) => return f64::NAN,
        };
        scratch.pulls = pulls;
        sums.equations.cost
    }

    /// `chain`: `(n_walker, n_label)` of every step.
    fn summary(&self, chain: &[Array2<f64>], n_accepted: usize) -> Posterior {
        let (n_walker, n_label) = chain.first().map_or((0, 0), Array2::dim);
        let scaler = &self.label_scaler;
        let mut percentiles = Array2::zeros((n_label, 3));
        let mut autocorrelation_steps = Array1::from_elem(n_label, f64::NAN);
        for l in 0..n_label {
            let mut values: Vec<f64> =
                chain.iter().flat_map(|step| step.column(l).to_vec()).collect();
            sort_numbers(&mut values);
            for (out, share) in percentiles.row_mut(l).iter_mut().zip([0.16, 0.5, 0.84]) {
                let at = (share * (values.len() - 1) as f64).round() as usize;
                *out = values[at] * scaler.scale[l] + scaler.mean[l];
            }
            if !scaler.constant[l] {
                autocorrelation_steps[l] = autocorrelation_time(chain, l);
            }
        }
        let n_sample = chain.len() * n_walker;
        let acceptance = n_accepted as f64 / n_sample as f64;
        Posterior { percentiles, autocorrelation_steps, acceptance, n_sample }
    }
}

fn check(options: PosteriorOptions, n_label: usize) -> Result<(), SlamError> {
    let fail =
        |what, value: usize, range| Err(SlamError::Option { what, value: value as f64, range });
    let n_walker = options.n_walker;
    if n_walker < (2 * n_label).max(4) || n_walker % 2 == 1 {
        return fail("n_walker", n_walker, "it must be even, at least 4 and twice the labels");
    }
    if options.n_step == 0 {
        return fail("n_step", 0, "it must be at least 1");
    }
    Ok(())
}

/// Uniform and normal deviates.
struct Deviates(ChaCha8Rng);

impl Deviates {
    /// In [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n - 1)
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

struct Ensemble {
    /// `(n_walker, n_label)`.
    walkers: Array2<f64>,
    log_likelihood: Vec<f64>,
}

impl Ensemble {
    fn around(
        optimum: &Array1<f64>,
        errors: &Array1<f64>,
        n_walker: usize,
        rng: &mut Deviates,
    ) -> Self {
        let walkers = Array2::from_shape_fn((n_walker, optimum.len()), |(_, l)| {
            optimum[l] + 0.5 * errors[l] * rng.normal()
        });
        Self { walkers, log_likelihood: vec![f64::NEG_INFINITY; n_walker] }
    }

    fn judge(&mut self, log_likelihood: &mut impl FnMut(&Array1<f64>) -> f64) {
        for (out, walker) in self.log_likelihood.iter_mut().zip(self.walkers.outer_iter()) {
            *out = log_likelihood(&walker.to_owned());
        }
    }

    /// Moves each half by stretches towards or away from members of the other; counts the accepted.
    fn advance(
        &mut self,
        rng: &mut Deviates,
        log_likelihood: &mut impl FnMut(&Array1<f64>) -> f64,
    ) -> usize {
        let (n_walker, n_label) = self.walkers.dim();
        let half = n_walker / 2;
        let n_free = (0..n_label)
            .filter(|&l| self.walkers.column(l).iter().any(|v| *v != self.walkers[[0, l]]))
            .count();
        let mut n_accepted = 0;
        for walker in 0..n_walker {
            let partner = if walker < half { half } else { 0 } + rng.below(half);
            let root = STRETCH.sqrt();
            let z = (rng.uniform() * (root - 1.0 / root) + 1.0 / root).powi(2);
            let away = &self.walkers.row(walker) - &self.walkers.row(partner);
            let proposal = &self.walkers.row(partner) + &(away * z);
            let found = log_likelihood(&proposal);
            let gain = (n_free as f64 - 1.0) * z.ln() + found - self.log_likelihood[walker];
            // A walker that began outside the bounds takes any place inside.
            if found.is_finite() && (gain.is_nan() || (1.0 - rng.uniform()).ln() < gain) {
                self.walkers.row_mut(walker).assign(&proposal);
                self.log_likelihood[walker] = found;
                n_accepted += 1;
            }
        }
        n_accepted
    }
}

/// Integrated autocorrelation time of label `l`, the autocorrelations averaged over walkers.
fn autocorrelation_time(chain: &[Array2<f64>], l: usize) -> f64 {
    let (n_step, n_walker) = (chain.len(), chain.first().map_or(0, Array2::nrows));
    let mean = chain.iter().map(|step| step.column(l).sum()).sum::<f64>();
    let mean = mean / (n_step * n_walker) as f64;
    let covariance = |lag: usize| -> f64 {
        let pairs = chain.iter().zip(&chain[lag..]);
        let products = pairs.map(|(a, b)| {
            let both = a.column(l).into_iter().zip(b.column(l));
            both.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>()
        });
        products.sum::<f64>() / ((n_step - lag) * n_walker) as f64
    };
    let variance = covariance(0);
    let mut time = 1.0;
    for lag in 1..n_step {
        time += 2.0 * covariance(lag) / variance;
        if lag as f64 >= WINDOW * time {
            break;
        }
    }
    time
}

#[cfg(test)]
mod tests {
    use super::super::{FitOptions, ModelError, synthetic};
    use super::*;
    use ndarray::array;

    #[test]
    fn percentiles_agree_with_the_covariance_where_chi_square_is_a_parabola() {
        let model = synthetic::model();
        let options = FitOptions { model_error: ModelError::None, ..FitOptions::default() };
        let fitter = LabelFitter::new(&model, options).unwrap();
        let flux = model.flux(array![3300.0, -0.2, 4.9].view());
        let ivar = Array1::from_elem(model.n_pix(), 1e5);
        let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
        let sample = |obsid| {
            let options = PosteriorOptions { n_walker: 20, n_burn: 100, n_step: 500 };
            fitter.posterior(flux.view(), ivar.view(), &fit, obsid, options).unwrap().unwrap()
        };
        let found = sample(7);
        assert_eq!(found, sample(7));
        assert_ne!(found, sample(8));
        for l in 0..3 {
            let [low, middle, high] = [0, 1, 2].map(|p| found.percentiles[[l, p]]);
            let error = fit.formal_errors[l];
            assert!((middle - fit.labels[l]).abs() < 0.2 * error);
            let ratio = (high - low) / 2.0 / error;
            assert!((0.85..1.15).contains(&ratio), "label {l}: {ratio}");
            assert!((2.0..100.0).contains(&found.autocorrelation_steps[l]));
        }
        assert!((0.3..0.9).contains(&found.acceptance) && found.n_sample == 10_000);
    }

    #[test]
    fn a_failed_fit_has_no_posterior_and_odd_options_are_named() {
        let model = synthetic::model();
        let fitter = LabelFitter::new(&model, FitOptions::default()).unwrap();
        let none = Array1::zeros(model.n_pix());
        let fit = fitter.fit(none.view(), none.view()).unwrap();
        let sample = |options| fitter.posterior(none.view(), none.view(), &fit, 1, options);
        assert_eq!(sample(PosteriorOptions::default()), Ok(None));
        let odd = PosteriorOptions { n_walker: 5, ..PosteriorOptions::default() };
        assert!(matches!(sample(odd), Err(SlamError::Option { what: "n_walker", .. })));
    }
}
