//! An axis: its range (in either direction), scale, ticks and label.

use super::numbers::{count, fixed};

/// An axis of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    label: String,
    from: f64,
    to: f64,
    log: bool,
    at: Option<Vec<(f64, String)>>,
    n_ticks: usize,
    numbers: bool,
}

/// A tick: where it is, and its text if it is a major one.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// In data units.
    pub value: f64,
    /// Empty for minor ticks.
    pub text: String,
}

impl Axis {
    /// A linear axis; `from` is at the left or the bottom, and may be the larger one.
    pub fn new(label: &str, from: f64, to: f64) -> Self {
        let (from, to) = spread(from, to);
        Self { label: label.to_owned(), from, to, log: false, at: None, n_ticks: 0, numbers: true }
    }

    /// A logarithmic axis with ticks at `at`; both ends must be positive, or it stays linear.
    pub fn log(label: &str, from: f64, to: f64, at: &[f64]) -> Self {
        let mut axis = Self::new(label, from, to);
        axis.log = axis.from > 0.0 && axis.to > 0.0;
        axis.at = Some(at.iter().map(|&v| (v, fixed(v, decimals(v)))).collect());
        axis
    }

    /// Ticks at given places with given texts.
    pub fn at(mut self, ticks: &[(f64, &str)]) -> Self {
        self.at = Some(ticks.iter().map(|&(v, text)| (v, text.to_owned())).collect());
        self
    }

    /// About how many major ticks; without it as many as the panel has room for.
    pub fn ticks(mut self, n: usize) -> Self {
        self.n_ticks = n.max(2);
        self
    }

    /// With room for `n` ticks, unless their number is given.
    pub fn fitted(self, n: usize) -> Self {
        if self.n_ticks == 0 { self.ticks(n) } else { self }
    }

    /// No texts at the ticks and no label: the neighboring panel has them.
    pub fn bare(mut self) -> Self {
        self.numbers = false;
        self
    }

    /// The label, marked text.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The ends, in the order given.
    pub fn range(&self) -> [f64; 2] {
        [self.from, self.to]
    }

    /// Whether texts are drawn.
    pub fn has_numbers(&self) -> bool {
        self.numbers
    }

    /// Whether it is logarithmic.
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// Place of a value, 0 at the beginning and 1 at the end; not finite where it has none.
    pub fn place(&self, value: f64) -> f64 {
        let scale = |v: f64| if self.log { v.ln() } else { v };
        (scale(value) - scale(self.from)) / (scale(self.to) - scale(self.from))
    }

    /// Value at a place.
    pub fn value(&self, place: f64) -> f64 {
        if self.log {
            return self.from * (self.to / self.from).powf(place);
        }
        self.from + place * (self.to - self.from)
    }

    /// Whether a value lies within.
    pub fn contains(&self, value: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.place(value))
    }

    /// Ticks within the range.
    pub fn all_ticks(&self) -> Vec<Tick> {
        let ticks = match &self.at {
            Some(at) => {
                at.iter().map(|(value, text)| Tick { value: *value, text: text.clone() }).collect()
            }
            None => self.regular(),
        };
        ticks.into_iter().filter(|tick| self.contains(tick.value)).collect()
    }

    fn regular(&self) -> Vec<Tick> {
        let (low, high) = (self.from.min(self.to), self.from.max(self.to));
        let (step, parts) =
            step((high - low) / if self.n_ticks == 0 { 5.0 } else { self.n_ticks as f64 });
        let small = step / parts as f64;
        let first = (low / small).ceil() as i64;
        let last = (high / small).floor() as i64;
        let places = decimals(step);
        (first..=last.min(first + 400))
            .map(|i| {
                let value = i as f64 * small;
                let major = i.rem_euclid(parts) == 0;
                Tick { value, text: if major { grouped(value, places) } else { String::new() } }
            })
            .collect()
    }
}

/// Two different finite ends.
fn spread(from: f64, to: f64) -> (f64, f64) {
    let usable = |v: f64| if v.abs() < 1e100 { v } else { f64::NAN };
    let (from, to) = (usable(from), usable(to));
    match (from.is_finite(), to.is_finite()) {
        (true, true) if (from - to).abs() > 1e-12 * from.abs().max(to.abs()) => (from, to),
        (true, _) => (from - 0.5, from + 0.5),
        (false, true) => (to - 0.5, to + 0.5),
        (false, false) => (0.0, 1.0),
    }
}

/// The step of 1, 2 or 5 times a power of ten next above nine tenths of `rough`, and its number of minor parts.
fn step(rough: f64) -> (f64, i64) {
    let power = 10_f64.powf(rough.log10().floor());
    for (factor, parts) in [(1.0, 5), (2.0, 4), (5.0, 5)] {
        if 0.9 * rough <= factor * power {
            return (factor * power, parts);
        }
    }
    (10.0 * power, 5)
}

/// Tick's text; thousands are set apart from ten thousand on.
fn grouped(value: f64, places: usize) -> String {
    if places == 0 && value >= 1e4 { count(value as usize) } else { fixed(value, places) }
}

/// Decimals that a step needs.
fn decimals(step: f64) -> usize {
    (0..8)
        .find(|&d| {
            let scaled = step * 10_f64.powi(d);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-9)
        })
        .unwrap_or(8) as usize
}

/// A range that holds all finite values with a twentieth of room at both ends.
pub fn around<'a>(values: impl IntoIterator<Item = &'a f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for &value in values.into_iter().filter(|v| v.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    let (low, high) = spread(low, high);
    let room = 0.05 * (high - low);
    (low - room, high + room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn majors(axis: &Axis) -> Vec<String> {
        let ticks = axis.all_ticks().into_iter().map(|t| t.text);
        ticks.filter(|t| !t.is_empty()).collect()
    }

    #[test]
    fn ticks_are_round_numbers_in_either_direction() {
        let up = Axis::new("", 0.0, 4.2);
        assert_eq!(majors(&up), ["0", "1", "2", "3", "4"]);
        let down = Axis::new("", 4.2, 0.0);
        assert_eq!(majors(&down), majors(&up));
        assert_eq!(down.place(4.2), 0.0);
        assert!(down.place(1.0) > down.place(2.0));
        assert_eq!(
            majors(&Axis::new("", -0.5, 0.5)),
            ["\u{2212}0.4", "\u{2212}0.2", "0.0", "0.2", "0.4"]
        );
    }

    #[test]
    fn no_range_is_too_odd() {
        for (from, to) in [(1.0, 1.0), (f64::NAN, 2.0), (f64::NAN, f64::NAN), (0.0, f64::INFINITY)]
        {
            let axis = Axis::new("", from, to);
            assert!(majors(&axis).len() >= 2, "{from} {to}");
        }
        assert!(!Axis::log("", -1.0, 10.0, &[1.0]).is_log());
        assert_eq!(around(&[]), (-0.05, 1.05));
    }

    #[test]
    fn place_and_value_are_inverse() {
        for axis in [Axis::new("", 10.0, -3.0), Axis::log("", 5.0, 300.0, &[10.0, 100.0])] {
            for value in [6.0, 9.5] {
                assert!((axis.value(axis.place(value)) - value).abs() < 1e-9);
            }
        }
    }
}
