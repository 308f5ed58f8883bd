//! Which training spectra a model leans on at given labels.
//!
//! The model's flux at scaled labels theta is sum_i dual_ji k_j(theta, theta_i) + bias_j in pixel j, with
//! k_j = exp(-gamma_j |theta - theta_i|^2). The weight of training spectrum i is the sum of |dual_ji| k_j(theta, theta_i)
//! over the usable pixels: what it adds to the spectrum or takes from it, in scaled flux, so that pixels count alike
//! whatever their scatter. Signs are left aside, for two spectra that cancel still decide. What enters through a pixel's
//! mean and scale flux and through the choice of hyper-parameters, which all spectra share, is no part of it.

use ndarray::{Array1, ArrayView1};

use super::{SlamError, SlamModel, check_length};

/// What a training spectrum weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Influence {
    /// Its share of the weight of all, 0 to 1.
    pub share: f64,
    /// Its kernel value, mean of the usable pixels, 0 to 1.
    pub kernel: f64,
    /// Pixels of which it is a support vector.
    pub n_pix: usize,
    /// Its distance in scaled labels.
    pub distance: f64,
}

impl SlamModel {
    /// What each training spectrum weighs in the model's flux at `theta`, labels in physical units, `(n_label,)`; in the
    /// order of the training set, `(n_train,)`.
    ///
    /// Shares sum to 1, or are all 0 where nothing reaches as far as `theta`. Cost: the coefficients are read once, and
    /// one kernel value is computed for each training spectrum and distinct gamma.
    ///
    /// # Errors
    /// [`SlamError::Length`] for another number of labels, [`SlamError::Option`] for a label that is not finite.
    pub fn influences(&self, theta: ArrayView1<'_, f64>) -> Result<Vec<Influence>, SlamError> {
        check_length("labels", theta.len(), self.n_label())?;
        if let Some(value) = theta.iter().copied().find(|label| !label.is_finite()) {
            return Err(SlamError::Option { what: "label", value, range: "it must be finite" });
        }
        let scaled = self.label_scaler.transform_row(theta);
        let squared: Vec<f64> = self
            .scaled_labels()
            .outer_iter()
            .map(|star| star.iter().zip(&scaled).map(|(a, b)| (a - b) * (a - b)).sum())
            .collect();
        let mut found: Vec<Influence> = squared
            .iter()
            .map(|d2| Influence { share: 0.0, kernel: 0.0, n_pix: 0, distance: d2.sqrt() })
            .collect();
        let (pixels, groups) = self.by_gamma();
        for (gamma, sum, n_support) in groups {
            let share_of_pixels = n_support.n_pixels as f64 / pixels.max(1) as f64;
            for (i, one) in found.iter_mut().enumerate() {
                let kernel = (-gamma * squared[i]).exp();
                one.share += sum[i] * kernel;
                one.kernel += kernel * share_of_pixels;
                one.n_pix += n_support.by_star[i];
            }
        }
        let total: f64 = found.iter().map(|one| one.share).sum();
        if total > 0.0 {
            found.iter_mut().for_each(|one| one.share /= total);
        }
        Ok(found)
    }

    /// Number of usable pixels; for each distinct gamma the sums of |dual| over its pixels, and where they are not 0.
    fn by_gamma(&self) -> (usize, Vec<(f64, Array1<f64>, Support)>) {
        let mut groups: Vec<(f64, Array1<f64>, Support)> = Vec::new();
        let mut n_usable = 0;
        for (pixel, usable) in self.usable().into_iter().enumerate() {
            if !usable {
                continue;
            }
            n_usable += 1;
            let gamma = self.gamma[pixel];
            let place = groups.iter().position(|(known, ..)| *known == gamma);
            let place = place.unwrap_or_else(|| {
                let n = self.dual.ncols();
                groups.push((
                    gamma,
                    Array1::zeros(n),
                    Support { n_pixels: 0, by_star: vec![0; n] },
                ));
                groups.len() - 1
            });
            let (_, sum, support) = &mut groups[place];
            support.n_pixels += 1;
            for (i, dual) in self.dual.row(pixel).iter().enumerate() {
                sum[i] += dual.abs();
                support.by_star[i] += usize::from(*dual != 0.0);
            }
        }
        (n_usable, groups)
    }
}

/// Of pixels of one gamma: how many, and of how many each star is a support vector.
struct Support {
    n_pixels: usize,
    by_star: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;
    use ndarray::array;

    #[test]
    fn shares_are_those_of_the_terms_of_the_models_sum() {
        let model = synthetic::model();
        let theta = array![3420.0, -0.23, 4.91];
        let found = model.influences(theta.view()).unwrap();
        let scaled = model.label_scaler.transform_row(theta.view());
        let labels = model.scaled_labels();
        let usable = model.usable();
        let term = |j: usize, i: usize| {
            let d = &labels.row(i) - &scaled;
            (-model.gamma[j] * d.dot(&d)).exp()
        };
        let pixels: Vec<usize> = (0..model.n_pix()).filter(|&j| usable[j]).collect();
        let weight = |i: usize| pixels.iter().map(|&j| model.dual[[j, i]].abs() * term(j, i)).sum();
        let weights: Vec<f64> = (0..labels.nrows()).map(weight).collect();
        let total: f64 = weights.iter().sum();
        for (i, one) in found.iter().enumerate() {
            assert!((one.share - weights[i] / total).abs() < 1e-12, "star {i}");
            let kernel = pixels.iter().map(|&j| term(j, i)).sum::<f64>() / pixels.len() as f64;
            assert!((one.kernel - kernel).abs() < 1e-12 && one.distance >= 0.0);
            assert_eq!(one.n_pix, pixels.iter().filter(|&&j| model.dual[[j, i]] != 0.0).count());
        }
        assert!((found.iter().map(|one| one.share).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn weight_gathers_near_the_labels_and_wrong_labels_are_refused() {
        let model = synthetic::model();
        let at = |theta: [f64; 3]| model.influences(Array1::from(theta.to_vec()).view());
        let found = at([3000.0, 0.0, 5.0]).unwrap();
        let near = |limit: f64| -> f64 {
            found.iter().filter(|one| one.distance < limit).map(|one| one.share).sum()
        };
        let median = {
            let mut all: Vec<f64> = found.iter().map(|one| one.distance).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        assert!(near(median) > 0.6, "{}", near(median));
        assert!(at([1e9, 0.0, 5.0]).unwrap().iter().all(|one| one.share == 0.0));
        assert!(matches!(at([f64::NAN, 0.0, 5.0]), Err(SlamError::Option { .. })));
        let short = model.influences(array![3000.0].view());
        assert!(matches!(short, Err(SlamError::Length { what: "labels", .. })));
    }
}
