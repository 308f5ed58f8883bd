//! What the engine tells of while it works: the rim turns it into progress bars or lines.

use std::time::Duration;

use super::run::Outcome;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A file of so many bytes is about to be hashed.
    Hashing {
        /// Its path.
        name: &'a str,
        /// Its size.
        bytes: u64,
    },
    /// That many bytes were hashed.
    Hashed {
        /// Their number.
        bytes: u64,
    },
    /// A file is being fetched.
    Downloading {
        /// Its address.
        url: &'a str,
        /// Its declared size.
        bytes: Option<u64>,
    },
    /// A file will be fetched again after a pause.
    Retrying {
        /// Its address.
        url: &'a str,
        /// What went wrong.
        why: &'a str,
        /// The pause.
        pause: Duration,
    },
    /// A file was fetched.
    Downloaded {
        /// Its size.
        bytes: u64,
    },
    /// A run begins with so many nodes to settle.
    Started {
        /// Nodes of the plan.
        nodes: usize,
    },
    /// A node's jobs were handed to the workers.
    NodeStarted {
        /// Its name.
        node: &'a str,
        /// Jobs to run.
        jobs: usize,
        /// Rows that they will be handed, where the node is driven by a port.
        rows: Option<u64>,
    },
    /// A job of a node ended.
    JobEnded {
        /// Its node.
        node: &'a str,
        /// Rows it was handed.
        rows: u64,
    },
    /// A job of a node is in progress elsewhere; its result will be reused.
    Waiting {
        /// The node.
        node: &'a str,
        /// Who works on it.
        by: &'a str,
    },
    /// The store's file system has no locks: runs at once may do the same work twice.
    NoLocks {
        /// The system's answer.
        why: &'a str,
    },
    /// A node was settled.
    NodeEnded {
        /// Its name.
        node: &'a str,
        /// How.
        outcome: &'a Outcome,
    },
}

/// Listens to the engine.
pub trait Observer: Send + Sync {
    /// Is told of an event; must be quick.
    fn event(&self, event: &Event<'_>);
}

/// Listens to nothing.
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event<'_>) {}
}
