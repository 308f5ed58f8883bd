//! As much YAML as headers of tables use: mappings and lists, in blocks or in one line, with plain
//! and quoted scalars that may go on in the next lines. Tags (`!!omap`) are skipped; anchors,
//! literal blocks and the like are kept as text, for nothing that is read here uses them.

/// A piece of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A fault, and its line.
type Fault = (usize, String);

/// Deeper nesting is no header.
const DEEPEST: usize = 32;

impl Node {
    /// The value of a key, also of a list of one-key mappings (`!!omap`).
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Self::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, value)| value),
            Self::List(items) => items.iter().find_map(|item| match item {
                Self::Map(_) => item.get(key),
                _ => None,
            }),
            Self::Scalar(_) => None,
        }
    }

    /// The text of a scalar that says something.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) if !matches!(text.as_str(), "" | "null" | "~") => Some(text),
            _ => None,
        }
    }
}

/// Parses lines with their numbers.
pub(super) fn parse(lines: &[(usize, String)]) -> Result<Node, Fault> {
    let kept = |(_, line): &&(usize, String)| !matches!(line.trim(), "" | "---" | "...");
    let lines = lines.iter().filter(kept).map(|(number, line)| {
        let text = line.trim_start_matches(' ');
        Line { number: *number, indent: line.len() - text.len(), text: text.trim_end() }
    });
    let lines: Vec<Line<'_>> = lines.collect();
    let mut block = Block { lines: &lines, at: 0 };
    let Some(first) = lines.first() else { return Ok(Node::Map(Vec::new())) };
    let node = block.node(first.indent, 0)?;
    match lines.get(block.at) {
        Some(line) => Err((line.number, "the indentation fits nothing above".to_owned())),
        None => Ok(node),
    }
}

#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

struct Block<'a> {
    lines: &'a [Line<'a>],
    at: usize,
}

impl<'a> Block<'a> {
    fn peek(&self) -> Option<Line<'a>> {
        self.lines.get(self.at).copied()
    }

    /// A list or a mapping whose items begin at `indent`.
    fn node(&mut self, indent: usize, depth: usize) -> Result<Node, Fault> {
        let Some(line) = self.peek() else { return Ok(Node::Scalar(String::new())) };
        if depth > DEEPEST {
            return Err((line.number, format!("more than {DEEPEST} levels")));
        }
        if is_item(line.text) { self.list(indent, depth) } else { self.map(indent, depth, None) }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Node, Fault> {
        let mut items = Vec::new();
        while let Some(line) = self.peek().filter(|l| l.indent == indent && is_item(l.text)) {
            self.at += 1;
            let rest = line.text[1..].trim_start();
            // What stands behind the dash is a block of its own, as far in as it stands.
            let inner = indent + line.text.len() - rest.len();
            let first = Line { indent: inner, text: rest, ..line };
            items.push(self.value(first, indent, depth)?);
        }
        Ok(Node::List(items))
    }

    /// What follows a dash or a colon: on the line itself, or in the lines further in.
    fn value(&mut self, first: Line<'a>, outer: usize, depth: usize) -> Result<Node, Fault> {
        let text = without_tag(first.text);
        if text.is_empty() {
            return match self.peek() {
                // The items of a list may stand as far out as its key.
                Some(next) if next.indent > outer => self.node(next.indent, depth + 1),
                Some(next) if next.indent == outer && is_item(next.text) && depth < DEEPEST => {
                    if is_item(first.text) || self.in_list(outer) {
                        return Ok(Node::Scalar(String::new()));
                    }
                    self.list(outer, depth + 1)
                }
                _ => Ok(Node::Scalar(String::new())),
            };
        }
        // Behind a dash a mapping may begin; behind a colon only a text that holds a colon.
        let behind_dash = first.indent > outer;
        if behind_dash && !text.starts_with(['{', '[', '"', '\'']) && key(text).is_some() {
            return self.map(first.indent, depth + 1, Some(Line { text, ..first }));
        }
        let mut whole = text.to_owned();
        while let Some(next) = self.peek().filter(|next| next.indent > outer) {
            whole.push(' ');
            whole.push_str(next.text);
            self.at += 1;
        }
        inline(&whole).map_err(|problem| (first.number, problem))
    }

    /// Whether the line before the present one is an item of a list at `indent`.
    fn in_list(&self, indent: usize) -> bool {
        self.at > 0 && {
            let before = self.lines[self.at - 1];
            before.indent == indent && is_item(before.text)
        }
    }

    /// A mapping; its first line may stand behind a dash.
    fn map(
        &mut self,
        indent: usize,
        depth: usize,
        mut first: Option<Line<'a>>,
    ) -> Result<Node, Fault> {
        if depth > DEEPEST {
            let number = first.map_or(0, |line| line.number);
            return Err((number, format!("more than {DEEPEST} levels")));
        }
        let mut entries = Vec::new();
        loop {
            let line = match first.take() {
                Some(line) => line,
                None => match self.peek().filter(|line| line.indent == indent) {
                    Some(line) if !is_item(line.text) => {
                        self.at += 1;
                        line
                    }
                    _ => return Ok(Node::Map(entries)),
                },
            };
            let Some((name, rest)) = key(line.text) else {
                return Err((line.number, format!("`{}` has no `key: value`", short(line.text))));
            };
            let rest = Line { text: rest, ..line };
            entries.push((unquoted(name), self.value(rest, indent, depth)?));
        }
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Key and value of `key: value`; a colon without a blank behind it is none.
fn key(text: &str) -> Option<(&str, &str)> {
    if let Some(name) = text.strip_suffix(':').filter(|name| !name.contains(": ")) {
        return Some((name, ""));
    }
    text.split_once(": ").map(|(name, rest)| (name, rest.trim()))
}

fn without_tag(text: &str) -> &str {
    match text.strip_prefix('!') {
        Some(_) => text.split_once(' ').map_or("", |(_, rest)| rest.trim_start()),
        None => text,
    }
}

fn unquoted(text: &str) -> String {
    match inline(text) {
        Ok(Node::Scalar(text)) => text,
        _ => text.to_owned(),
    }
}

/// A value in one line: a flow mapping or list, or a scalar.
fn inline(text: &str) -> Result<Node, String> {
    if !text.starts_with(['{', '[', '"', '\'']) {
        return Ok(Node::Scalar(text.to_owned()));
    }
    let mut flow = Flow { rest: text };
    let node = flow.node(0)?;
    match flow.rest.trim() {
        "" => Ok(node),
        more if more.starts_with('#') => Ok(node),
        more => Err(format!("`{}` follows a value", short(more))),
    }
}

struct Flow<'a> {
    rest: &'a str,
}

impl Flow<'_> {
    fn node(&mut self, depth: usize) -> Result<Node, String> {
        if depth > DEEPEST {
            return Err(format!("more than {DEEPEST} levels"));
        }
        self.rest = without_tag(self.rest.trim_start());
        match self.rest.chars().next() {
            Some('{') => self.map(depth),
            Some('[') => self.list(depth),
            Some('"') => self.double_quoted().map(Node::Scalar),
            Some('\'') => self.single_quoted().map(Node::Scalar),
            _ => Ok(Node::Scalar(self.plain().to_owned())),
        }
    }

    fn eat(&mut self, character: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, String> {
        self.eat('[');
        let mut items = Vec::new();
        while !self.eat(']') {
            if self.rest.is_empty() {
                return Err("`[` is not closed".to_owned());
            }
            items.push(self.node(depth + 1)?);
            if !self.eat(',') && !self.rest.is_empty() && !self.rest.starts_with(']') {
                return Err(format!("`,` or `]` is missing before `{}`", short(self.rest)));
            }
        }
        Ok(Node::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Node, String> {
        self.eat('{');
        let mut entries = Vec::new();
        while !self.eat('}') {
            if self.rest.is_empty() {
                return Err("`{` is not closed".to_owned());
            }
            let Node::Scalar(name) = self.node(depth + 1)? else {
                return Err("a key is no word".to_owned());
            };
            if !self.eat(':') {
                return Err(format!("`:` is missing behind `{}`", short(&name)));
            }
            entries.push((name, self.node(depth + 1)?));
            if !self.eat(',') && !self.rest.is_empty() && !self.rest.starts_with('}') {
                return Err(format!("`,` or `}}` is missing before `{}`", short(self.rest)));
            }
        }
        Ok(Node::Map(entries))
    }

    /// A scalar without quotes: up to a sign of the flow.
    fn plain(&mut self) -> &str {
        let ends = |(at, character): (usize, char)| {
            let next = self.rest[at + character.len_utf8()..].chars().next();
            match character {
                ',' | ']' | '}' => true,
                ':' => next.is_none_or(|next| next == ' ' || matches!(next, ',' | ']' | '}')),
                _ => false,
            }
        };
        let found = self.rest.char_indices().find(|place| ends(*place));
        let end = found.map_or(self.rest.len(), |(at, _)| at);
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text.trim()
    }

    fn single_quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        let mut rest = &self.rest[1..];
        loop {
            let end = rest.find('\'').ok_or("a quote is not closed")?;
            text.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    rest = more;
                }
                None => {
                    self.rest = rest;
                    return Ok(text);
                }
            }
        }
    }

    fn double_quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 2..];
                    return Ok(text);
                }
                '\\' => text.push(escaped(&mut characters)?),
                other => text.push(other),
            }
        }
        Err("a quote is not closed".to_owned())
    }
}

fn escaped(characters: &mut std::str::CharIndices<'_>) -> Result<char, String> {
    let digits = |characters: &mut std::str::CharIndices<'_>, count| {
        let digits: String = characters.take(count).map(|(_, character)| character).collect();
        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
        code.ok_or_else(|| format!("`\\{digits}` is no character"))
    };
    match characters.next().map(|(_, character)| character) {
        Some('n') => Ok('\n'),
        Some('t') => Ok('\t'),
        Some('x') => digits(characters, 2),
        Some('u') => digits(characters, 4),
        Some('U') => digits(characters, 8),
        Some(other) => Ok(other),
        None => Err("a quote is not closed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Node, Fault> {
        let lines: Vec<(usize, String)> =
            text.lines().enumerate().map(|(i, line)| (i + 1, line.to_owned())).collect();
        parse(&lines)
    }

    fn at<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
        path.iter().try_fold(node, |node, key| node.get(key))?.text()
    }

    #[test]
    fn blocks_flows_and_quotes() {
        let text = "---\na: 1\nitems:\n- {name: x, unit: 'it''s', d: \"q\\\"\\u00e9: z\"}\n-\n  \
                    name: y\n  about: long text: with\n    a second line\n  meta:\n    ucd: p;q\n- \
                    name: z\n  meta: !!omap\n  - {ucd: r}\n  - v: 2\nlast: [1, two, {k: v}]\n";
        let root = parsed(text).unwrap();
        assert_eq!(at(&root, &["a"]), Some("1"));
        let Some(Node::List(items)) = root.get("items") else { panic!("{root:?}") };
        assert_eq!(items.len(), 3);
        assert_eq!(
            (at(&items[0], &["unit"]), at(&items[0], &["d"])),
            (Some("it's"), Some("q\"é: z"))
        );
        assert_eq!(at(&items[1], &["about"]), Some("long text: with a second line"));
        assert_eq!(at(&items[1], &["meta", "ucd"]), Some("p;q"));
        assert_eq!(at(&items[2], &["meta", "ucd"]), Some("r"));
        assert_eq!(at(&root, &["last", "k"]), Some("v"));
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(
            parsed("a: 1\n  b: 2").unwrap(),
            Node::Map(vec![("a".into(), Node::Scalar("1 b: 2".into()))])
        );
        assert_eq!(parsed("a: 1\nword").unwrap_err().0, 2);
        assert_eq!(parsed("a: 1\nb: {c: 1").unwrap_err(), (2, "`{` is not closed".to_owned()));
        assert_eq!(parsed("a: 'x").unwrap_err(), (1, "a quote is not closed".to_owned()));
        assert_eq!(parsed("   a: 1\nb: 2").unwrap_err().0, 2);
        assert!(parsed(&format!("a: {}", "[".repeat(100))).is_err());
        let deep: String = (0..100).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
        assert!(parsed(&deep).is_err());
        assert!(parsed(&"- ".repeat(100)).is_ok());
    }
}
