//! Types, and the check of an expression against a schema before anything is evaluated.

use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::{DataType, Schema};

use super::ast::{Kind, Node};
use super::error::ExpressionError;
use super::{Expression, lower, suggest};

/// The type of an expression or of a column as expressions see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// 64-bit float; every float column.
    Float,
    /// 64-bit integer; every integer column.
    Integer,
    /// UTF-8 text; dictionaries of text too.
    Text,
    /// True or false.
    Boolean,
}

impl Type {
    /// Returns the type that expressions see in a column, `None` when they see none.
    fn of_column(data_type: &DataType) -> Option<Self> {
        match data_type {
            data_type if data_type.is_floating() => Some(Self::Float),
            data_type if data_type.is_integer() => Some(Self::Integer),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Self::Text),
            DataType::Boolean => Some(Self::Boolean),
            DataType::Dictionary(_, values) => Self::of_column(values),
            _ => None,
        }
    }

    /// Whether it is an integer or a float.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Float | Self::Integer)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Float => "a float",
            Self::Integer => "an integer",
            Self::Text => "a text",
            Self::Boolean => "a boolean",
        })
    }
}

impl Expression {
    /// Checks names and types against a schema and returns the type of the value.
    ///
    /// Errors name the unknown or unsupported column, or the operation and what it was given.
    pub fn check(&self, schema: &Schema) -> Result<Type, ExpressionError> {
        let columns = column_types(&self.root, schema)?;
        Ok(lower::lower(&self.root, &columns)?.kind)
    }

    /// Checks as [`Expression::check`] does, and that the expression is boolean.
    pub fn check_boolean(&self, schema: &Schema) -> Result<(), ExpressionError> {
        self.require(self.check(schema)?, Type::Boolean)
    }

    /// Checks that the value has the type that is asked for.
    pub(super) fn require(&self, found: Type, expected: Type) -> Result<(), ExpressionError> {
        if found == expected || (found == Type::Integer && expected == Type::Float) {
            return Ok(());
        }
        Err(ExpressionError::Outcome { expression: self.canonical(), expected, found })
    }
}

/// Finds the type of every column read, in the order of their names.
pub(super) fn column_types(
    root: &Node,
    schema: &Schema,
) -> Result<BTreeMap<String, Type>, ExpressionError> {
    let mut types = BTreeMap::new();
    let mut first_error = Ok(());
    root.visit(&mut |node| {
        if let Kind::Column(name) = &node.kind
            && first_error.is_ok()
        {
            match column_type(name, node, schema) {
                Ok(found) => {
                    types.insert(name.clone(), found);
                }
                Err(error) => first_error = Err(error),
            }
        }
    });
    first_error.map(|()| types)
}

fn column_type(name: &str, node: &Node, schema: &Schema) -> Result<Type, ExpressionError> {
    let Some((_, field)) = schema.column_with_name(name) else {
        let known = schema.fields().iter().map(|field| field.name().as_str());
        return Err(ExpressionError::UnknownColumn {
            span: node.span.clone(),
            name: name.to_owned(),
            hint: suggest::hint(name, known),
        });
    };
    Type::of_column(field.data_type()).ok_or_else(|| ExpressionError::UnsupportedColumn {
        span: node.span.clone(),
        name: name.to_owned(),
        found: field.data_type().to_string(),
    })
}
