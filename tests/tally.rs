//! The lines of which the long run makes its table.

/// Tells how many trials of a show were made, and how many ended silently wrong.
pub fn trials(show: u32, what: &str, trials: u64, wrong: u64, note: &str) {
    eprintln!("\nTRIALS | {show} | {what} | {trials} | {wrong} | {note}");
}
