//! Ports: what a stage reads of each input, and how much of it a job is handed.

use super::types::Type;

/// How much of a port's table one job of a stage is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One part at a time: the stage works row by row, a job a part.
    Driving,
    /// The whole table in every job.
    Whole,
}

/// A column that a stage reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Name in the port's table.
    pub column: String,
    /// Unit it must have; `None` accepts any.
    pub unit: Option<String>,
    /// Types it may have; empty accepts any.
    pub types: Vec<Type>,
    /// Whether the stage does without it where the table lacks it.
    pub optional: bool,
    /// What it is read for, in lineage: `join`, `filter: …`. Where it is not said, the shape of the
    /// output tells.
    pub role: Option<String>,
}

impl Need {
    /// A column of any type and unit.
    pub fn any(column: impl Into<String>) -> Self {
        Need { column: column.into(), unit: None, types: Vec::new(), optional: false, role: None }
    }

    /// A column of one type.
    pub fn of(column: impl Into<String>, kind: Type) -> Self {
        Need { types: vec![kind], ..Need::any(column) }
    }

    /// A numeric column in a unit.
    pub fn in_unit(column: impl Into<String>, unit: &str) -> Self {
        Need { unit: Some(unit.to_owned()), ..Need::any(column) }
    }

    /// Says what the column is read for.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Reads the column where there is one.
    pub fn if_there(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// An input of a stage.
#[derive(Clone, Debug)]
pub struct Port {
    /// Name in `in = { … }`.
    pub name: String,
    /// How much a job is handed.
    pub scope: Scope,
    /// Whether the node runs without it.
    pub optional: bool,
    /// Whether these parameters leave it alone, bound or not.
    pub unread: bool,
    /// The columns read.
    pub needs: Vec<Need>,
    /// Whether every other column of the table is read too.
    pub all_columns: bool,
    /// Whether descriptions, UCDs and order of the columns are written down, and so decide the result.
    pub layout: bool,
    /// What an unbound port is bound to.
    pub fallback: Option<Fallback>,
}

/// What a port is bound to when `in` does not name it.
///
/// So that a change of training set is one line: the tables that belong together follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Output `output` of the node that is bound at `port`.
    Sibling {
        /// A port of the same stage.
        port: String,
        /// Output of the node bound there.
        output: String,
    },
    /// What the node bound at `port` has at its own port `input`.
    Through {
        /// A port of the same stage.
        port: String,
        /// Port of the node bound there.
        input: String,
    },
}

impl Fallback {
    /// The port that decides.
    pub fn port(&self) -> &str {
        match self {
            Fallback::Sibling { port, .. } | Fallback::Through { port, .. } => port,
        }
    }
}

impl Port {
    fn new(name: impl Into<String>, scope: Scope, needs: Vec<Need>) -> Self {
        let name = name.into();
        Port {
            name,
            scope,
            optional: false,
            unread: false,
            needs,
            all_columns: false,
            layout: false,
            fallback: None,
        }
    }

    /// A port whose parts drive the stage.
    pub fn driving(name: impl Into<String>, needs: Vec<Need>) -> Self {
        Port::new(name, Scope::Driving, needs)
    }

    /// A port handed over whole.
    pub fn whole(name: impl Into<String>, needs: Vec<Need>) -> Self {
        Port::new(name, Scope::Whole, needs)
    }

    /// Reads every column of the table, whatever their names.
    pub fn all_columns(mut self) -> Self {
        self.all_columns = true;
        self
    }

    /// Every column of the table with its meaning and its place: for stages that write files for people.
    pub fn layout(self) -> Self {
        Port { layout: true, ..self.all_columns() }
    }

    /// Unbound, the port takes `output` of the node bound at `port`.
    pub fn beside(mut self, port: &str, output: &str) -> Self {
        self.fallback = Some(Fallback::Sibling { port: port.into(), output: output.into() });
        self
    }

    /// Unbound, the port takes what the node bound at `port` has at its port `input`.
    pub fn through(mut self, port: &str, input: &str) -> Self {
        self.fallback = Some(Fallback::Through { port: port.into(), input: input.into() });
        self
    }

    /// A port that other parameters would read: what is bound to it decides nothing.
    pub fn unread(name: impl Into<String>) -> Self {
        Port { unread: true, ..Port::new(name, Scope::Whole, Vec::new()) }
    }

    /// Makes the port optional.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}
