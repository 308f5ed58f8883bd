//! Statistics of residuals, in fixed order: what every comparison of the paper reports.
//!
//! Bias and scatter are eqs. 4 and 5 of Li et al. 2021 as their text means them: eq. 5 as printed has 1/n outside the
//! root and would give 0.8 K for 3,785 stars. `rms` is about zero (Fig. 2), `sd` about the mean (Figs. 3-5).
//!
//! | file | subject |
//! |---|---|
//! | `summary` | moments, quantiles, robust scatter, clipping, outliers |
//! | `bootstrap` | percentile intervals by row or by unit |
//! | `relation` | Spearman correlation, lines with errors in both variables |
//! | `dispersion` | scatter beyond stated errors, factor of the errors, share of outliers |
//! | `two_level` | mean of members in groups |
//! | `sample` | all figures of one sample with their intervals |
//! | `isotonic` | monotone regression |
//! | `coverage` | how often truth lies within the stated error |
//! | `jackknife` | what a statistic owes to the training set of a model |

mod bootstrap;
mod coverage;
mod dispersion;
mod isotonic;
mod jackknife;
mod relation;
mod sample;
mod summary;
mod two_level;

pub use bootstrap::{Bootstrap, Interval, SummaryIntervals, Units, summary_intervals};
pub use coverage::{Fraction, SIGMAS_OF_95, WITHIN_ONE_SIGMA, coverage, fraction};
pub use dispersion::{Dispersion, Mixture, error_factor, intrinsic_scatter, outlier_mixture};
pub use isotonic::{Trend, isotonic};
pub use jackknife::Replicated;
pub use relation::{
    Line, deming_line, deming_slope, errors_in_variables_line, orthogonal_line, spearman,
};
pub use sample::{Report, Sample, Trend as SampleTrend};
pub use summary::{
    Clipped, Summary, mad_sigma, mean, median, outlier_fraction, quantile, rms, robust_sigma,
    sigma_clip, standard_deviation, summarize,
};
pub use two_level::{TwoLevel, two_level_mean};
