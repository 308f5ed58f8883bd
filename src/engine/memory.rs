//! Memory: what a job will need, by estimate, and how many jobs fit together.

use super::artifact::Artifact;
use super::evaluate::Evaluation;
use super::pipeline::Node;
use super::stage::Scope;
use super::store::RECENT_BYTES;
use super::types::Type;

/// What the program itself and the store's memory of what was just read may take.
const OVERHEAD_BYTES: u64 = (64 << 20) + RECENT_BYTES as u64;
/// A job holds its inputs, what it works with and what it gives back: each about the inputs' size.
const TIMES_INPUT: u64 = 3;
/// Source files are compressed, and numbers in them take fewer bytes than in a table.
const TIMES_FILE: u64 = 8;
/// A text of usual length with its offset.
const TEXT_BYTES: u64 = 32;
/// Lists of floats shrink hardly at all when stored.
const TIMES_STORED: u64 = 2;

/// How much memory jobs may use together, and how much they do.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Option<u64>,
    used: u64,
}

impl Budget {
    /// A budget of what a limit of the whole process leaves for jobs.
    pub(super) fn of(limit: Option<u64>) -> Self {
        let limit = limit.map(|bytes| bytes - OVERHEAD_BYTES.min(bytes / 2));
        Budget { limit, used: 0 }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.limit.is_none_or(|limit| self.used.saturating_add(bytes) <= limit)
    }

    pub(super) fn take(&mut self, bytes: u64) {
        self.used = self.used.saturating_add(bytes);
    }

    pub(super) fn give_back(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
    }
}

/// The memory that a job needs, by estimate: a stage's own word, else from rows and widths of the
/// columns that it reads.
pub(super) fn job_bytes(node: &Node, evaluation: &Evaluation, job: usize) -> u64 {
    let mut bytes = 0u64;
    for bound in &node.ports {
        let Some((artifact, scope)) = evaluation.inputs.get(&bound.port.name) else { continue };
        let mut columns: Vec<&str> = bound.port.needs.iter().map(|n| n.column.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        let parts = match scope {
            Scope::Driving => job..job + 1,
            Scope::Whole => 0..artifact.parts().len(),
        };
        for part in parts {
            bytes += columns.iter().map(|c| column_bytes(artifact, c, part)).sum::<u64>();
        }
    }
    let files = evaluation.files.get(job).into_iter().flatten();
    let files: u64 = files.filter_map(|(file, _)| file.bytes).sum();
    bytes * TIMES_INPUT + files * TIMES_FILE
}

/// Bytes of a column of one part.
fn column_bytes(artifact: &Artifact, column: &str, part: usize) -> u64 {
    let Some(entry) = artifact.parts().get(part) else { return 0 };
    let Ok(meta) = artifact.meta(column) else { return 0 };
    match &meta.kind {
        Type::Bool => entry.rows,
        Type::Int(bits) | Type::UInt(bits) | Type::Float(bits) => {
            entry.rows * u64::from(*bits).div_ceil(8)
        }
        Type::Text => entry.rows * TEXT_BYTES,
        Type::Bytes | Type::List(_) => list_bytes(artifact, column, part),
    }
}

/// How long lists are is known of what is stored: from the file that holds them.
fn list_bytes(artifact: &Artifact, column: &str, part: usize) -> u64 {
    let entry = &artifact.parts()[part];
    let Some(carried) = artifact.output.carried.iter().find(|c| c.name == column) else {
        return entry.at[1] * TIMES_STORED;
    };
    let Some((input, scope)) = artifact.inputs.get(&carried.port) else { return 0 };
    let parts = match scope {
        Scope::Driving => part..part + 1,
        Scope::Whole => 0..input.parts().len(),
    };
    let (mut bytes, mut rows) = (0u64, 0u64);
    for part in parts {
        bytes += column_bytes(input, &carried.column, part);
        rows += input.parts().get(part).map_or(0, |p| p.rows);
    }
    // Of the rows of the input only some are taken.
    bytes.saturating_mul(entry.rows).checked_div(rows).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_what_the_program_leaves() {
        let mut budget = Budget::of(Some(1 << 30));
        assert!(budget.has_room((1 << 30) - OVERHEAD_BYTES) && !budget.has_room(1 << 30));
        budget.take(500 << 20);
        assert!(!budget.has_room(200 << 20) && budget.has_room(50 << 20));
        budget.give_back(500 << 20);
        assert!(budget.has_room(200 << 20));
        // A limit below what the program itself takes still lets something be done.
        assert!(Budget::of(Some(64 << 20)).has_room(32 << 20));
        assert!(Budget::of(None).has_room(u64::MAX));
    }
}
