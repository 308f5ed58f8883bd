//! The parser: tokens to tree, by operator precedence (Pratt 1973).

use super::ast::{Arithmetic, Comparison, Kind, Node};
use super::canonical::binding;
use super::error::{ExpressionError, Span};
use super::function::{self, Function, INSIDE};
use super::polygon::ConvexPolygon;
use super::suggest;
use super::token::{Token, syntax, tokens};
use super::{MAX_DEPTH, MAX_LENGTH, MAX_SIZE};

type Parsed<T> = Result<T, ExpressionError>;

/// Parses a whole text.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    if text.len() > MAX_LENGTH {
        return Err(ExpressionError::TooLong { length: text.len() });
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let root = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(root),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    /// Never empty: the last is `End`, which is never passed.
    tokens: Vec<(Token, Span)>,
    next: usize,
    /// Open parentheses, calls and prefix operators.
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn span(&self) -> Span {
        self.tokens[self.next].1.clone()
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    /// Passes `symbol` if it comes next.
    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        if found {
            self.advance();
        }
        found
    }

    fn require(&mut self, symbol: &str, expected: &str) -> Parsed<()> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &str) -> ExpressionError {
        let before = self.next.checked_sub(1).map(|index| &self.tokens[index].0);
        let hint = match (before, self.peek()) {
            (Some(Token::Symbol("*")), Token::Symbol("*")) => Some("a power is written `^`"),
            (_, Token::Symbol("[")) => Some("a column such as `[Fe/H]` is written in back quotes"),
            (Some(Token::Name(word)), _) if is_keyword_misspelt(word) => {
                Some("`and`, `or`, `not` are in lower case")
            }
            (_, Token::Name(word)) if is_keyword_misspelt(word) => {
                Some("`and`, `or`, `not` are in lower case")
            }
            _ => None,
        };
        syntax(self.span(), expected, &self.peek().describe(), hint)
    }

    /// Makes a node that begins at byte `start` and ends with the token before the next, within the bounds.
    fn node(&self, kind: Kind, start: usize) -> Parsed<Node> {
        let end = self.next.checked_sub(1).map_or(start, |index| self.tokens[index].1.end);
        let node = Node::new(kind, start..end);
        if node.depth > MAX_DEPTH {
            return Err(ExpressionError::TooDeep { span: node.span });
        }
        if node.size > MAX_SIZE {
            return Err(ExpressionError::TooLarge { span: node.span });
        }
        Ok(node)
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return Err(ExpressionError::TooDeep { span: self.span() });
        }
        self.depth += 1;
        let outcome = inner(self);
        self.depth -= 1;
        outcome
    }

    /// Parses operators that bind at least as tightly as `least`, and their operands.
    fn expression(&mut self, least: u8) -> Parsed<Node> {
        let start = self.span().start;
        let mut left = self.operand()?;
        while let Token::Symbol(symbol) = *self.peek() {
            let kind = if let Some(operator) = Arithmetic::of_symbol(symbol) {
                let (binds, right) = binding::arithmetic(operator);
                if binds < least {
                    break;
                }
                self.advance();
                let right = self.deeper_if(operator == Arithmetic::Power, right)?;
                Kind::Arithmetic(operator, Box::new(left), Box::new(right))
            } else if Comparison::of_symbol(symbol).is_some() && binding::COMPARISON >= least {
                Kind::Comparison(Box::new(left), self.chain()?)
            } else if symbol == "and" && binding::AND >= least {
                Kind::All(self.list(left, symbol, binding::AND)?)
            } else if symbol == "or" && binding::OR >= least {
                Kind::Any(self.list(left, symbol, binding::OR)?)
            } else {
                break;
            };
            left = self.node(kind, start)?;
        }
        Ok(left)
    }

    /// Parses a right operand; a right-associative operator recurses as deep as it is repeated.
    fn deeper_if(&mut self, deep: bool, least: u8) -> Parsed<Node> {
        if deep { self.deeper(|parser| parser.expression(least)) } else { self.expression(least) }
    }

    /// Parses the signs and right sides of a comparison.
    fn chain(&mut self) -> Parsed<Vec<(Comparison, Node)>> {
        let mut rest: Vec<(Comparison, Node)> = Vec::new();
        while let Token::Symbol(symbol) = *self.peek() {
            let Some(operator) = Comparison::of_symbol(symbol) else {
                break;
            };
            if let Some((before, _)) = rest.last()
                && !before.chains_with(operator)
            {
                let expected = "comparisons of one direction in a chain";
                let hint = "join different comparisons by `and`";
                return Err(syntax(self.span(), expected, &format!("`{symbol}`"), Some(hint)));
            }
            self.advance();
            rest.push((operator, self.expression(binding::COMPARISON + 1)?));
        }
        Ok(rest)
    }

    /// Parses `left and b and c`, or the same with `or`; groups of the same kind are joined, as the order of
    /// evaluation does not matter to them.
    fn list(&mut self, left: Node, symbol: &str, binds: u8) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        join(&mut nodes, left, symbol);
        while self.accept(symbol) {
            let right = self.expression(binds + 1)?;
            join(&mut nodes, right, symbol);
        }
        Ok(nodes)
    }

    fn operand(&mut self) -> Parsed<Node> {
        let start = self.span().start;
        let token = self.peek().clone();
        let kind = match token {
            Token::Integer(value) => Kind::Integer(value),
            Token::Float(value) => Kind::Float(value),
            Token::Text(text) => Kind::Text(text),
            Token::Quoted(name) => Kind::Column(name),
            Token::Name(name) => return self.name(name, start),
            Token::Symbol("(") => return self.parenthesis(),
            Token::Symbol("-") => return self.negation(start),
            Token::Symbol("not") => {
                self.advance();
                let inner = self.deeper(|parser| parser.expression(binding::NOT))?;
                return self.node(Kind::Not(Box::new(inner)), start);
            }
            _ => {
                return Err(
                    self.unexpected("a value: a number, text, column, function or parenthesis")
                );
            }
        };
        self.advance();
        self.node(kind, start)
    }

    fn parenthesis(&mut self) -> Parsed<Node> {
        self.advance();
        let inner = self.deeper(|parser| parser.expression(0))?;
        self.require(")", "an operator or `)`")?;
        Ok(inner)
    }

    /// Parses `-x`; the minus of a literal belongs to it, so that negative integers stay integers.
    fn negation(&mut self, start: usize) -> Parsed<Node> {
        self.advance();
        let inner = self.deeper(|parser| parser.expression(binding::NEGATE))?;
        let kind = match inner.kind {
            Kind::Integer(value) => Kind::Integer(-value),
            Kind::Float(value) => Kind::Float(-value),
            _ => Kind::Negate(Box::new(inner)),
        };
        self.node(kind, start)
    }

    fn name(&mut self, name: String, start: usize) -> Parsed<Node> {
        let span = self.span();
        self.advance();
        if !self.accept("(") {
            return self.node(Kind::Column(name), start);
        }
        if name == INSIDE {
            return self.deeper(|parser| parser.inside(start));
        }
        let Some(function) = Function::named(&name) else {
            let hint = suggest::hint(&name, function::names());
            return Err(ExpressionError::UnknownFunction { span, name, hint });
        };
        let arguments = self.deeper(Self::arguments)?;
        check_arguments(function, &arguments, start..self.tokens[self.next - 1].1.end)?;
        self.node(Kind::Call(function, arguments), start)
    }

    fn arguments(&mut self) -> Parsed<Vec<Node>> {
        let mut arguments = Vec::new();
        while !self.accept(")") {
            if !arguments.is_empty() {
                self.require(",", "an operator, `,` or `)`")?;
            }
            arguments.push(self.expression(0)?);
        }
        Ok(arguments)
    }

    fn inside(&mut self, start: usize) -> Parsed<Node> {
        const FORM: &str = "`,`, as in inside(x, y, [[x1, y1], [x2, y2], [x3, y3]])";
        let x = self.expression(0)?;
        self.require(",", FORM)?;
        let y = self.expression(0)?;
        self.require(",", FORM)?;
        let from = self.span().start;
        let vertices = self.bracketed(Self::vertex)?;
        let span = from..self.tokens[self.next - 1].1.end;
        self.require(")", "`)`")?;
        let polygon = ConvexPolygon::new(vertices).map_err(|error| ExpressionError::Polygon {
            span,
            reason: error.reason,
            fix: error.fix,
        })?;
        self.node(Kind::Inside(Box::new(x), Box::new(y), polygon), start)
    }

    fn vertex(&mut self) -> Parsed<[f64; 2]> {
        let span = self.span();
        let vertex = self.bracketed(Self::coordinate)?;
        <[f64; 2]>::try_from(vertex).map_err(|vertex| {
            let found = format!("{} numbers", vertex.len());
            syntax(span, "a vertex [x, y]", &found, None)
        })
    }

    fn coordinate(&mut self) -> Parsed<f64> {
        let negative = self.accept("-");
        let value = match *self.peek() {
            // Coordinates are plotted quantities: integers here are far below 2^53.
            Token::Integer(value) => value as f64,
            Token::Float(value) => value,
            _ => return Err(self.unexpected("a number")),
        };
        self.advance();
        // Zero has one sign, so that equal vertices are equal bits in the normal form.
        Ok(if negative { -value + 0.0 } else { value })
    }

    fn bracketed<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.require("[", "`[`")?;
        let mut items = vec![item(self)?];
        while !self.accept("]") {
            self.require(",", "`,` or `]`")?;
            items.push(item(self)?);
        }
        Ok(items)
    }
}

fn is_keyword_misspelt(word: &str) -> bool {
    ["and", "or", "not"].contains(&word.to_ascii_lowercase().as_str())
}

fn join(nodes: &mut Vec<Node>, node: Node, symbol: &str) {
    match (node.kind, symbol) {
        (Kind::All(mut inner), "and") | (Kind::Any(mut inner), "or") => nodes.append(&mut inner),
        (kind, _) => nodes.push(Node { kind, ..node }),
    }
}

/// Checks what can be checked of a call before the types of columns are known.
fn check_arguments(function: Function, arguments: &[Node], span: Span) -> Parsed<()> {
    let (least, most) = function.n_arguments();
    if !(least..=most).contains(&arguments.len()) {
        let expected = match (least, most) {
            (1, 1) => "1 argument".to_owned(),
            (_, usize::MAX) => format!("{least} or more arguments"),
            _ => format!("{least} arguments"),
        };
        return Err(bad_arguments(function, span, expected, arguments.len().to_string()));
    }
    match function {
        Function::In => require_literals(&arguments[1..]),
        Function::Flag if !matches!(arguments[1].kind, Kind::Integer(0..=63)) => {
            let expected = "an integer column and the number of a bit, 0 to 63".to_owned();
            let found = format!("`{}`", arguments[1]);
            let span = arguments[1].span.clone();
            Err(bad_arguments(function, span, expected, found))
        }
        _ => Ok(()),
    }
}

fn require_literals(arguments: &[Node]) -> Parsed<()> {
    let Some(node) = arguments.iter().find(|node| !is_literal(node)) else {
        return Ok(());
    };
    let expected = "a value, then literals to compare it with".to_owned();
    let span = node.span.clone();
    Err(bad_arguments(Function::In, span, expected, format!("`{node}`")))
}

fn is_literal(node: &Node) -> bool {
    matches!(node.kind, Kind::Integer(_) | Kind::Float(_) | Kind::Text(_))
}

fn bad_arguments(
    function: Function,
    span: Span,
    expected: String,
    found: String,
) -> ExpressionError {
    ExpressionError::Arguments { span, function: function.name(), expected, found }
}
