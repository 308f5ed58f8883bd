//! Progress: bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::talk::Talk;
use crate::engine::events::{Event, Observer};
use crate::engine::run::Outcome;

/// Hashing less than this is over before a line about it is read.
const WORTH_TELLING_BYTES: u64 = 64 << 20;

/// Shows what the engine tells.
pub struct Progress {
    talk: Talk,
    bars: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: Option<ProgressBar>,
    nodes: BTreeMap<String, ProgressBar>,
    hashing: Option<ProgressBar>,
}

impl Progress {
    /// Starts to listen.
    pub fn new(talk: &Talk) -> Self {
        let target = if talk.terminal {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Progress {
            talk: *talk,
            bars: MultiProgress::with_draw_target(target),
            state: Mutex::default(),
        }
    }

    /// Clears the bars.
    pub fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State::default();
        let _ = self.bars.clear();
    }

    fn bar(&self, length: u64, template: &str, prefix: &str) -> ProgressBar {
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = self.bars.add(ProgressBar::new(length).with_style(style));
        bar.set_prefix(prefix.to_owned());
        bar
    }

    fn ended(&self, node: &str, outcome: &Outcome, bar: Option<ProgressBar>) {
        let line = match outcome {
            Outcome::Ran { jobs_run, jobs, seconds } if *jobs > 1 => {
                format!("{node}: ran {jobs_run} of {jobs} shards, {seconds:.2} s")
            }
            Outcome::Ran { seconds, .. } => format!("{node}: ran, {seconds:.2} s"),
            Outcome::Failed { .. } => format!("{node}: failed"),
            _ => String::new(),
        };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        if !line.is_empty() {
            self.line(&line);
        }
    }

    fn hashing(&self, state: &mut State, name: &str, bytes: u64) {
        if bytes >= WORTH_TELLING_BYTES && !self.talk.terminal {
            self.talk.note(&format!("hashing {name} ({} MB)", bytes >> 20));
        }
        let bar = state.hashing.get_or_insert_with(|| self.bar(0, BYTES, "hashing"));
        bar.inc_length(bytes);
    }

    /// A line above the bars, or a plain line where there are none.
    fn line(&self, line: &str) {
        if self.talk.terminal {
            let _ = self.bars.println(line);
        } else {
            self.talk.note(line);
        }
    }
}

const NODES: &str = "{prefix:<24} [{bar:30}] {pos}/{len} nodes, {elapsed}";
const ROWS: &str = "{prefix:<24} [{bar:30}] {pos}/{len} rows, {eta} left";
const BYTES: &str = "{prefix:<24} [{bar:30}] {bytes}/{total_bytes}, {eta} left";

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { nodes } => {
                state.total = Some(self.bar(*nodes as u64, NODES, "run"));
            }
            Event::NodeStarted { node, jobs, rows } if *jobs > 0 => {
                let bar = self.bar(rows.unwrap_or(*jobs as u64), ROWS, node);
                if self.talk.terminal {
                    // Each costs a thread.
                    bar.enable_steady_tick(Duration::from_millis(200));
                }
                state.nodes.insert((*node).to_owned(), bar);
            }
            Event::JobEnded { node, rows } => {
                if let Some(bar) = state.nodes.get(*node) {
                    bar.inc((*rows).max(1));
                }
            }
            Event::NodeEnded { node, outcome } => {
                if let Some(total) = &state.total {
                    total.inc(1);
                }
                let bar = state.nodes.remove(*node);
                self.ended(node, outcome, bar);
            }
            Event::Hashing { name, bytes } => self.hashing(&mut state, name, *bytes),
            Event::Hashed { bytes } => {
                if let Some(bar) = &state.hashing {
                    bar.inc(*bytes);
                    if bar.length() == Some(bar.position()) {
                        bar.finish_and_clear();
                        state.hashing = None;
                    }
                }
            }
            Event::Downloading { url, bytes } => {
                let size = bytes.map(|b| format!(" ({b} bytes)")).unwrap_or_default();
                self.line(&format!("fetching {url}{size}"));
            }
            Event::Retrying { url, why, pause } => {
                let seconds = pause.as_secs_f64();
                self.line(&format!("fetching {url} again in {seconds:.1} s: {why}"));
            }
            Event::Waiting { node, by } => self.line(&format!("{node}: waiting for {by}")),
            Event::NoLocks { why } => self.line(&format!(
                "warning: the store's file system has no locks ({why}); runs at once may do the \
                 same work twice"
            )),
            Event::Downloaded { .. } | Event::NodeStarted { .. } => {}
        }
    }
}
