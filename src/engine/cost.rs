//! What work costs beside time: processor seconds and memory of this process.
//!
//! The system counts both for the process as a whole, so that they are told of a job only where no other runs beside it.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What a job, or a node, took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds that all threads worked.
    pub cpu_seconds: f64,
    /// The largest memory of the process meanwhile, what it held before included.
    pub peak_bytes: u64,
}

impl Cost {
    /// Of two jobs one after the other; `None` where either is not known.
    pub fn of_both(a: Option<Cost>, b: Option<Cost>) -> Option<Cost> {
        let (a, b) = (a?, b?);
        Some(Cost {
            cpu_seconds: a.cpu_seconds + b.cpu_seconds,
            peak_bytes: a.peak_bytes.max(b.peak_bytes),
        })
    }
}

/// The largest memory before the last time that the system was made to count anew.
static BEFORE: AtomicU64 = AtomicU64::new(0);

/// Counts from here on what this process takes.
pub struct Meter {
    cpu_seconds: f64,
}

impl Meter {
    /// Starts; `None` where the system does not tell, or would tell the peak of earlier work.
    pub fn start() -> Option<Self> {
        BEFORE.fetch_max(peak_bytes()?, Ordering::Relaxed);
        fs::write("/proc/self/clear_refs", "5").ok()?;
        Some(Self { cpu_seconds: cpu_seconds()? })
    }

    /// What was taken since.
    pub fn stop(&self) -> Option<Cost> {
        let cpu_seconds = cpu_seconds()? - self.cpu_seconds;
        Some(Cost { cpu_seconds, peak_bytes: peak_bytes()? })
    }
}

/// Linux counts processor time in hundredths of a second for programs, whatever it does itself.
const TICKS: f64 = 100.0;

/// Seconds that all threads of this process worked; `None` where the system does not say so in a file.
pub fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may have blanks.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / TICKS)
}

/// The largest memory that this process ever had.
pub fn largest_bytes() -> Option<u64> {
    Some(peak_bytes()?.max(BEFORE.load(Ordering::Relaxed)))
}

/// The largest memory since the count was begun anew.
fn peak_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time_and_memory() {
        let Some(meter) = Meter::start() else { return };
        let mut sum = 0u64;
        let held: Vec<u64> = (0..8 << 20).collect();
        while meter.stop().is_some_and(|cost| cost.cpu_seconds < 0.05) {
            sum = held.iter().fold(sum, |sum, value| sum.wrapping_mul(31) ^ value);
        }
        let cost = meter.stop().expect("what the system told before");
        assert!(cost.cpu_seconds >= 0.05, "{sum}");
        assert!(cost.peak_bytes > 64 << 20);
        assert!(largest_bytes() >= Some(cost.peak_bytes));
        let more = Cost { cpu_seconds: 1.0, peak_bytes: 1 };
        let both = Cost::of_both(Some(cost), Some(more)).expect("both are known");
        assert_eq!(both.peak_bytes, cost.peak_bytes);
        assert!(both.cpu_seconds > 1.0);
        assert_eq!(Cost::of_both(Some(cost), None), None);
    }
}
