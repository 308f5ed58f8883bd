//! Clusters (§5.1, Table 3): labels of members beside those of a cluster survey, star by star and cluster by cluster.
//!
//! Port `members` (whole): row id, cluster, both labels, probabilities, parallax, optionally errors and the mark of
//! what training knew.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `clusters` | a cluster | counts; means and sd of both labels and of the difference, with intervals by star |
//! | `summary` | a population | statistics of the difference, bootstrap by cluster; mean of clusters by mixed effects |
//! | `leave_one_out` | a cluster left out | mean, sd and mixed-effects mean of the others |
//! | `stars` | a member row | id, cluster, both labels, difference, whether it counts and why not |
//!
//! With `rule = "recommended"` every probability must exceed `least`, and the parallax lie within `sigmas` of the
//! cluster's; with `"all_rows"` each row with both labels counts. An sd is given for two or more stars, as in Table 3.
//!
//! Deviation: the paper's 15 clusters and 138 stars (Table 3: 16 and 121) hold field stars: of the rows of these
//! clusters most have a probability of zero. `all_rows` gives what it did.

mod stars;
mod tables;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::stars::{Population, Stars, cluster_means, reasons};
use self::tables::{
    cluster_arrays, cluster_columns, leave_arrays, leave_columns, star_arrays, star_columns,
    summary_arrays, summary_columns,
};
use super::columns::{f64s, ids};
use super::figures::{check_filters, chosen, marks, populations};
use super::keys::keys;
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::{I64, Type};
use crate::science::statistics::Bootstrap;
use crate::science::validation::membership::{ParallaxRule, judge};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Clusters>("clusters", 2, "compares labels in clusters, by star and by cluster");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clusters {
    /// Row id.
    id: String,
    /// Name of the cluster.
    cluster: String,
    /// Label of ours.
    ours: String,
    /// Label of theirs.
    theirs: String,
    /// Unit of both.
    unit: String,
    /// Columns of the errors of ours and theirs.
    #[serde(default)]
    errors: Option<[String; 2]>,
    /// What counts as theirs.
    #[serde(default)]
    truth: Truth,
    /// Who is a member.
    #[serde(default)]
    rule: Rule,
    /// Columns of membership probabilities.
    #[serde(default)]
    probabilities: Vec<String>,
    /// They must exceed this.
    #[serde(default = "least")]
    least: f64,
    /// Parallax and its error, mas.
    #[serde(default)]
    parallax: Option<[String; 2]>,
    /// Largest distance from the cluster's parallax, standard deviations.
    #[serde(default = "three")]
    sigmas: f64,
    /// Truth value of rows that training knew: figures come with and without them.
    #[serde(default)]
    leaked: Option<String>,
    /// Which rows are looked at.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
    /// Resamples of the bootstrap.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

fn least() -> f64 {
    0.01
}

fn three() -> f64 {
    3.0
}

fn two_thousand() -> usize {
    2_000
}

/// What counts as the label of the survey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Truth {
    /// The star's own.
    #[default]
    Member,
    /// The mean of the members of its cluster.
    ClusterMean,
}

/// Who is a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Rule {
    /// Probabilities and parallax decide.
    #[default]
    Recommended,
    /// Every row of the cluster.
    AllRows,
}

impl Stage for Clusters {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::of(&self.id, I64), Need::any(&self.cluster)];
        let labels = [&self.ours, &self.theirs].into_iter().chain(self.errors.iter().flatten());
        needs.extend(labels.map(|column| Need::in_unit(column, &self.unit)));
        needs.extend(self.probabilities.iter().map(Need::any));
        needs.extend(self.parallax.iter().flatten().map(|c| Need::in_unit(c, "mas")));
        needs.extend(self.leaked.iter().map(|c| Need::of(c, Type::Bool)));
        needs.extend(self.filter.iter().flat_map(|f| f.0.columns()).map(Need::any));
        vec![Port::whole("members", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        check_filters(self.filter.iter(), &inputs["members"])?;
        if self.rule == Rule::Recommended
            && self.probabilities.is_empty()
            && self.parallax.is_none()
        {
            let what = "`rule = \"recommended\"` needs `probabilities` or `parallax`; without either \
                        say `rule = \"all_rows\"`";
            return Err(StageError::new(what));
        }
        Ok(vec![
            Output::table("clusters", cluster_columns(self)),
            Output::table("summary", summary_columns(self)),
            Output::table("leave_one_out", leave_columns(self)),
            Output::table("stars", star_columns(self)).id(&self.id),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("clusters")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let stars = self.read(job)?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let used: Vec<usize> =
            (0..stars.ids.len()).filter(|row| stars.why[*row].is_none()).collect();
        let groups = populations(self.leaked.is_some()).iter().map(|(name, takes)| {
            let rows: Vec<usize> =
                used.iter().copied().filter(|row| takes(stars.leaked[*row])).collect();
            stars.population(name, &rows, &bootstrap)
        });
        let summary: Vec<Population> = groups.collect();
        Ok(vec![
            Product::new("clusters", cluster_arrays(&stars.clusters(&bootstrap))),
            Product::new("summary", summary_arrays(&self.unit, &summary)),
            Product::new("leave_one_out", leave_arrays(&stars.leave_one_out(&used))),
            Product::new("stars", star_arrays(&stars)),
        ])
    }
}

impl Clusters {
    fn read(&self, job: &Job) -> Result<Stars, StageError> {
        let counts = chosen(self.filter.as_ref(), job.table("members")?)?;
        let names = keys(job, "members", &self.cluster)?;
        let rows: Vec<usize> =
            (0..counts.len()).filter(|row| counts[*row] && names[*row].is_some()).collect();
        let at = |column: &String| -> Result<Vec<f64>, StageError> {
            let values = f64s(job, "members", column)?;
            Ok(rows.iter().map(|row| values[*row]).collect())
        };
        let all_ids = ids(job, "members", &self.id)?;
        let marks = marks(job, "members", self.leaked.as_ref())?;
        let cluster: Vec<String> = rows.iter().filter_map(|row| names[*row].clone()).collect();
        let probabilities = self.probabilities.iter().map(at).collect::<Result<Vec<_>, _>>()?;
        let parallax = self.parallax.as_ref().map(|[p, e]| Ok::<_, StageError>([at(p)?, at(e)?]));
        let parallax = parallax.transpose()?;
        let rule = parallax.as_ref().map(|[parallax, error]| ParallaxRule {
            parallax,
            error,
            sigmas: self.sigmas,
        });
        let judged = match self.rule {
            Rule::AllRows => vec![None; rows.len()],
            Rule::Recommended => judge(&cluster, &probabilities, self.least, rule),
        };
        let (ours, mut theirs) = (at(&self.ours)?, at(&self.theirs)?);
        let why = reasons(&judged, &ours, &theirs);
        if self.truth == Truth::ClusterMean {
            theirs = cluster_means(&cluster, &theirs, &why);
        }
        let error =
            self.errors.as_ref().map(|[a, b]| Ok::<_, StageError>(together(&at(a)?, &at(b)?)));
        Ok(Stars {
            ids: rows.iter().map(|row| all_ids[*row]).collect(),
            leaked: rows.iter().map(|row| marks[*row]).collect(),
            error: error.transpose()?,
            cluster,
            ours,
            theirs,
            why,
        })
    }
}

/// Errors of both sides together.
fn together(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(a, b)| a.hypot(*b)).collect()
}

#[cfg(test)]
mod tests;
