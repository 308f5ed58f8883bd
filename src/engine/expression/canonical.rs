//! The normal form: one spelling for each tree, with no parentheses but those that are needed.

use std::fmt::{self, Display, Formatter};

use super::ast::{Arithmetic, Kind, Node};
use super::function::INSIDE;
use super::token::is_bare_name;

/// How tightly an operator binds; the parser's table is the same.
pub(super) mod binding {
    use super::Arithmetic;

    pub(in super::super) const OR: u8 = 1;
    pub(in super::super) const AND: u8 = 3;
    pub(in super::super) const NOT: u8 = 5;
    pub(in super::super) const COMPARISON: u8 = 7;
    pub(in super::super) const NEGATE: u8 = 13;
    pub(super) const ATOM: u8 = 17;

    /// Returns the least binding of the (left, right) operand that needs no parentheses.
    pub(in super::super) fn arithmetic(operator: Arithmetic) -> (u8, u8) {
        match operator {
            Arithmetic::Add | Arithmetic::Subtract => (9, 10),
            Arithmetic::Multiply | Arithmetic::Divide => (11, 12),
            Arithmetic::Power => (16, 15),
        }
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Integer(value) => write!(f, "{value}"),
            // The shortest digits that read back as the same number, always with a point or an exponent.
            Kind::Float(value) => write!(f, "{value:?}"),
            Kind::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Kind::Column(name) if is_bare_name(name) => f.write_str(name),
            Kind::Column(name) => write!(f, "`{}`", name.replace('`', "``")),
            Kind::Negate(operand) => {
                f.write_str("-")?;
                operand.write(f, binding::NEGATE)
            }
            Kind::Not(operand) => {
                f.write_str("not ")?;
                operand.write(f, binding::NOT)
            }
            Kind::Arithmetic(operator, left, right) => {
                let (left_least, right_least) = binding::arithmetic(*operator);
                left.write(f, left_least)?;
                write!(f, " {} ", operator.symbol())?;
                right.write(f, right_least)
            }
            Kind::Comparison(first, rest) => {
                first.write(f, binding::COMPARISON + 1)?;
                for (operator, node) in rest {
                    write!(f, " {} ", operator.symbol())?;
                    node.write(f, binding::COMPARISON + 1)?;
                }
                Ok(())
            }
            Kind::All(nodes) => write_list(f, nodes, " and ", binding::AND + 1),
            Kind::Any(nodes) => write_list(f, nodes, " or ", binding::OR + 1),
            Kind::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                write_list(f, arguments, ", ", 0)?;
                f.write_str(")")
            }
            Kind::Inside(x, y, polygon) => write!(f, "{INSIDE}({x}, {y}, {polygon})"),
        }
    }
}

impl Node {
    /// Writes the node where an operand must bind at least as tightly as `least`.
    fn write(&self, f: &mut Formatter<'_>, least: u8) -> fmt::Result {
        if self.binding() < least { write!(f, "({self})") } else { write!(f, "{self}") }
    }

    fn binding(&self) -> u8 {
        match &self.kind {
            Kind::Any(_) => binding::OR,
            Kind::All(_) => binding::AND,
            Kind::Not(_) => binding::NOT,
            Kind::Comparison(..) => binding::COMPARISON,
            Kind::Arithmetic(operator, ..) => {
                let (left, right) = binding::arithmetic(*operator);
                left.min(right)
            }
            Kind::Negate(_) => binding::NEGATE,
            Kind::Integer(value) if *value < 0 => binding::NEGATE,
            Kind::Float(value) if value.is_sign_negative() => binding::NEGATE,
            _ => binding::ATOM,
        }
    }
}

fn write_list(f: &mut Formatter<'_>, nodes: &[Node], between: &str, least: u8) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        node.write(f, least)?;
    }
    Ok(())
}
