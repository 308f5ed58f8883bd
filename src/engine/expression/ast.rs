//! The syntax tree.

use std::collections::BTreeSet;

use super::error::Span;
use super::function::Function;
use super::polygon::ConvexPolygon;

/// A node of the tree with the bytes it was written in. Equality ignores the bytes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Operations on the longest way to a leaf; a leaf has 1.
    pub(super) depth: usize,
    /// Operations evaluated for this node, a middle operand of a chain counted twice.
    pub(super) size: usize,
}

/// What a node is. `All`, `Any` and literals are normalised by [`Node::new`]'s callers: see the parser.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Integer(i64),
    Float(f64),
    Text(String),
    Column(String),
    Negate(Box<Node>),
    Not(Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    /// `first op rest[0] op rest[1] ..`: at least one operator.
    Comparison(Box<Node>, Vec<(Comparison, Node)>),
    /// Conjunction of two or more, none of them an `All`.
    All(Vec<Node>),
    /// Disjunction of two or more, none of them an `Any`.
    Any(Vec<Node>),
    Call(Function, Vec<Node>),
    Inside(Box<Node>, Box<Node>, ConvexPolygon),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Arithmetic {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Power => "^",
        }
    }

    pub(super) fn of_symbol(symbol: &str) -> Option<Self> {
        [Self::Add, Self::Subtract, Self::Multiply, Self::Divide, Self::Power]
            .into_iter()
            .find(|operator| operator.symbol() == symbol)
    }
}

impl Comparison {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    pub(super) fn of_symbol(symbol: &str) -> Option<Self> {
        use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        [Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual]
            .into_iter()
            .find(|operator| operator.symbol() == symbol)
    }

    /// Whether two signs may stand in one chain: both upward, both downward, or both `==`.
    pub(super) fn chains_with(self, other: Self) -> bool {
        use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual};
        matches!(
            (self, other),
            (Less | LessEqual, Less | LessEqual)
                | (Greater | GreaterEqual, Greater | GreaterEqual)
                | (Equal, Equal)
        )
    }
}

impl Node {
    /// Makes a node and measures it.
    pub(super) fn new(kind: Kind, span: Span) -> Self {
        let mut depth = 0;
        let mut size = 1_usize;
        for child in kind.children() {
            depth = depth.max(child.depth);
            size = size.saturating_add(child.size);
        }
        if let Kind::Comparison(_, rest) = &kind
            && let Some((_, middle)) = rest.split_last()
        {
            size = middle.iter().fold(size, |size, (_, node)| size.saturating_add(node.size));
        }
        Self { kind, span, depth: depth + 1, size }
    }

    /// Collects the names of the columns read.
    pub(super) fn columns(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.visit(&mut |node| {
            if let Kind::Column(name) = &node.kind {
                names.insert(name.clone());
            }
        });
        names
    }

    /// Collects the columns inside `is_null`, `is_finite` or `coalesce`: the author has said what happens when they
    /// are missing.
    pub(super) fn guarded_columns(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.visit(&mut |node| {
            if let Kind::Call(function, _) = &node.kind
                && function.expects_missing()
            {
                names.append(&mut node.columns());
            }
        });
        names
    }

    pub(super) fn visit(&self, see: &mut impl FnMut(&Self)) {
        see(self);
        for child in self.kind.children() {
            child.visit(see);
        }
    }
}

impl Kind {
    fn children(&self) -> Vec<&Node> {
        match self {
            Self::Integer(_) | Self::Float(_) | Self::Text(_) | Self::Column(_) => Vec::new(),
            Self::Negate(operand) | Self::Not(operand) => vec![operand],
            Self::Arithmetic(_, left, right) => vec![left, right],
            Self::Comparison(first, rest) => {
                std::iter::once(&**first).chain(rest.iter().map(|pair| &pair.1)).collect()
            }
            Self::All(nodes) | Self::Any(nodes) | Self::Call(_, nodes) => nodes.iter().collect(),
            Self::Inside(x, y, _) => vec![x, y],
        }
    }
}
