//! One integration-test binary; each module is a theme.
//!
//! - `stories`: edit → run → what ran, what was reused
//! - `bad_input`: every wrong input is a named reject or a clear error
//! - `nearby`: the real sample (needs `../shared/data`; says so and skips where it is absent)
//! - `revisions`: outputs move only with the revision of their stage
//! - `architecture`: who may use whom, read off the `use` lines

mod architecture;
mod bad_input;
mod nearby;
mod project;
mod revisions;
mod spectra;
mod stories;
