//! What a model spectrum is of.

use thiserror::Error;

/// Labels of a node of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeParameters {
    /// Effective temperature, K.
    pub teff_k: f64,
    /// log10 of the surface gravity, cm/s2.
    pub logg: f64,
    /// [M/H], dex: metals against the Sun's.
    pub m_h: f64,
    /// [alpha/M], dex: alpha elements against the other metals.
    pub alpha_m: f64,
}

/// What one place says of a node; `None` where it is silent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Partial {
    pub teff_k: Option<f64>,
    pub logg: Option<f64>,
    pub m_h: Option<f64>,
    pub alpha_m: Option<f64>,
}

/// Why the node of a spectrum is not known.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum NodeError {
    /// The name has the form of a PHOENIX file, with a fault.
    #[error("file name `{name}`: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Name and header disagree.
    #[error("{label} is {named} by the file's name and {headed} by its header")]
    Disagreement {
        /// The label.
        label: &'static str,
        /// By the name.
        named: f64,
        /// By the header.
        headed: f64,
    },
    /// Neither name nor header says it.
    #[error("neither the file's name nor its header says {label}")]
    Unknown {
        /// The label.
        label: &'static str,
    },
    /// A label that no model has.
    #[error("{label} = {value} is out of range or finer than {step}")]
    Range {
        /// The label.
        label: &'static str,
        /// The value.
        value: f64,
        /// The step of ids.
        step: f64,
    },
}

impl NodeError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Name { .. } | Self::Unknown { .. } => {
                "name it as the archive does: lteTTT-G.G-M.Ma+A.A.BT-Settl.spec.7"
            }
            Self::Disagreement { .. } => {
                "find out which is right, and rename or leave out the file"
            }
            Self::Range { .. } => "check the name and header of the file",
        }
    }
}

/// Steps of an id: 1 K and 0.01 dex.
const DEX_STEP: f64 = 0.01;

impl NodeParameters {
    /// The node's id, made of its labels alone: for 3000 K, log g 4.5, [M/H] -0.5 and [alpha/M] 0
    /// it is 3000 550 450 500, that is Teff/K, then log g + 1, [M/H] + 5 and [alpha/M] + 5 in
    /// hundredths, three digits each.
    ///
    /// Errors when a label has no such digits.
    pub fn id(&self) -> Result<i64, NodeError> {
        let teff = digits("Teff", self.teff_k, 0.0, 1.0, 99_999)?;
        let logg = digits("log g", self.logg, 1.0, DEX_STEP, 999)?;
        let m_h = digits("[M/H]", self.m_h, 5.0, DEX_STEP, 999)?;
        let alpha_m = digits("[alpha/M]", self.alpha_m, 5.0, DEX_STEP, 999)?;
        Ok(((teff * 1000 + logg) * 1000 + m_h) * 1000 + alpha_m)
    }
}

fn digits(
    label: &'static str,
    value: f64,
    origin: f64,
    step: f64,
    most: i64,
) -> Result<i64, NodeError> {
    let steps = (value + origin) / step;
    let whole = steps.round();
    let sound = (steps - whole).abs() < 1e-3 && whole >= 0.0 && whole <= most as f64;
    if sound { Ok(whole as i64) } else { Err(NodeError::Range { label, value, step }) }
}

/// Differences below these are rounding of a name: K and dex.
const SAME_K: f64 = 0.5;
const SAME_DEX: f64 = 0.005;

/// The node on which name and header agree; what only one of them says is believed. Where neither
/// names [alpha/M] it is 0, the Sun's mixture, as in the names of the first CIFIST grids.
pub(super) fn agreed(named: Option<Partial>, header: Partial) -> Result<NodeParameters, NodeError> {
    let named = named.unwrap_or_default();
    let node = NodeParameters {
        teff_k: one("Teff", named.teff_k, header.teff_k, SAME_K)?,
        logg: one("log g", named.logg, header.logg, SAME_DEX)?,
        m_h: one("[M/H]", named.m_h, header.m_h, SAME_DEX)?,
        alpha_m: match (named.alpha_m, header.alpha_m) {
            (None, None) => 0.0,
            (named, headed) => one("[alpha/M]", named, headed, SAME_DEX)?,
        },
    };
    node.id().map(|_| node)
}

fn one(
    label: &'static str,
    named: Option<f64>,
    headed: Option<f64>,
    same: f64,
) -> Result<f64, NodeError> {
    match (named, headed) {
        (Some(named), Some(headed)) if headed.is_nan() || (named - headed).abs() > same => {
            Err(NodeError::Disagreement { label, named, headed })
        }
        // Adding 0 makes a plain zero of the -0 that `-0.0` in a name would leave.
        (Some(value), _) | (None, Some(value)) => Ok(value + 0.0),
        (None, None) => Err(NodeError::Unknown { label }),
    }
}
