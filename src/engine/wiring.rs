//! Ports bound to outputs: as `in` says, or by a port's fallback; columns and units fitted.

use std::collections::BTreeMap;

use super::pipeline::{BoundPort, Node, StageDef};
use super::spec::{NodeSpec, PortRef, Span, SpecError, did_you_mean};
use super::stage::{Fallback, Need, Port, TableSchema};

/// An output: number of the node, number of its output.
type Source = (usize, usize);

/// The nodes that a port can be bound to.
pub(super) struct Wiring<'a> {
    /// Sound nodes, in topological order.
    pub nodes: &'a [Node],
    /// Their numbers.
    pub index: &'a BTreeMap<String, usize>,
}

impl Wiring<'_> {
    /// Binds the ports of a node, in the order of the stage.
    pub fn ports(
        &self,
        spec: &NodeSpec,
        stage: &StageDef,
        ports: Vec<Port>,
    ) -> Result<Vec<BoundPort>, Vec<SpecError>> {
        let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
        let unknown = spec.inputs.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let mut errors: Vec<SpecError> = unknown
            .map(|(name, from)| unknown_port(spec, stage, name, &from.span, &names))
            .collect();
        let mut bound = Vec::new();
        for port in ports {
            match self.source(spec, &port) {
                Ok(_) if port.unread => {}
                Ok(Some((source, span))) => match self.fit(spec, port, source, span) {
                    Ok(port) => bound.push(BoundPort { port, source: Some(source) }),
                    Err(mut why) => errors.append(&mut why),
                },
                Ok(None) if port.optional => bound.push(BoundPort { port, source: None }),
                Ok(None) => errors.push(missing_port(spec, stage, &port)),
                Err(why) => errors.push(*why),
            }
        }
        if errors.is_empty() { Ok(bound) } else { Err(errors) }
    }

    /// Binds one port to what a reference names.
    pub fn bind(
        &self,
        spec: &NodeSpec,
        port: Port,
        from: &PortRef,
    ) -> Result<BoundPort, Vec<SpecError>> {
        let source = self.resolve(from).map_err(|why| vec![*why])?;
        let port = self.fit(spec, port, source, &from.span)?;
        Ok(BoundPort { port, source: Some(source) })
    }

    /// What a port is bound to, and the words of `in` that say so.
    #[allow(clippy::type_complexity)]
    fn source<'s>(
        &self,
        spec: &'s NodeSpec,
        port: &Port,
    ) -> Result<Option<(Source, &'s Span)>, Box<SpecError>> {
        if let Some(from) = spec.inputs.get(&port.name) {
            return Ok(Some((self.resolve(from)?, &from.span)));
        }
        let Some(fallback) = &port.fallback else { return Ok(None) };
        let Some(from) = spec.inputs.get(fallback.port()) else { return Ok(None) };
        let (node, _) = self.resolve(from)?;
        let found = match fallback {
            Fallback::Sibling { output, .. } => {
                self.nodes[node].output(Some(output)).ok().map(|output| (node, output))
            }
            Fallback::Through { input, .. } => {
                let mut ports = self.nodes[node].ports.iter();
                ports.find(|bound| bound.port.name == *input).and_then(|bound| bound.source)
            }
        };
        Ok(found.map(|source| (source, &from.span)))
    }

    /// The output that a reference names.
    pub fn resolve(&self, from: &PortRef) -> Result<Source, Box<SpecError>> {
        let unknown =
            |message: String| SpecError::new("pipeline.output", message, from.span.clone(), "here");
        let Some(&node) = self.index.get(&from.node) else {
            return Err(Box::new(unknown(format!("node `{}` is not usable", from.node))));
        };
        let output = self.nodes[node].output(from.port.as_deref()).map_err(|_| {
            let names: Vec<&str> =
                self.nodes[node].outputs.iter().map(|o| o.name.as_str()).collect();
            let name = from.port.as_deref().unwrap_or_default();
            let near = did_you_mean(name, names.iter().copied());
            let help = match near {
                Some(near) => format!("did you mean `{}.{near}`?", from.node),
                None => format!("outputs of `{}` are: {}", from.node, names.join(", ")),
            };
            Box::new(unknown(format!("node `{}` has no output `{name}`", from.node)).help(help))
        })?;
        Ok((node, output))
    }

    /// Checks the columns that a port reads; a port that reads all names them from here on.
    fn fit(
        &self,
        spec: &NodeSpec,
        mut port: Port,
        (node, output): Source,
        span: &Span,
    ) -> Result<Port, Vec<SpecError>> {
        let source = &self.nodes[node];
        let schema = &source.schemas[output];
        let table = format!("{}.{}", source.name, source.outputs[output].name);
        port.needs.retain(|need| !need.optional || schema.column(&need.column).is_some());
        let misfits =
            port.needs.iter().filter_map(|n| misfit(spec, &port, n, &table, schema, span));
        let errors: Vec<SpecError> = misfits.collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        if port.all_columns {
            let read = |name: &str| port.needs.iter().any(|need| need.column == name);
            let rest: Vec<Need> = schema
                .columns
                .iter()
                .filter(|column| !read(&column.name))
                .map(|column| Need::any(&column.name))
                .collect();
            port.needs.extend(rest);
        }
        Ok(port)
    }
}

fn unknown_port(
    spec: &NodeSpec,
    stage: &StageDef,
    name: &str,
    span: &Span,
    ports: &[&str],
) -> SpecError {
    let message = format!("stage `{}` of node `{}` has no port `{name}`", stage.name, spec.name);
    let help = match did_you_mean(name, ports.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if ports.is_empty() => "it has no ports: remove `in`".into(),
        None => format!("its ports are: {}", ports.join(", ")),
    };
    SpecError::new("pipeline.port", message, span.clone(), "unknown port").help(help)
}

fn missing_port(spec: &NodeSpec, stage: &StageDef, port: &Port) -> SpecError {
    let message = format!("node `{}` leaves port `{}` unbound", spec.name, port.name);
    SpecError::new("pipeline.port", message, spec.name_span.clone(), "this node").help(format!(
        "stage `{}` needs it: add `{} = \"node.output\"` to `in`",
        stage.name, port.name
    ))
}

fn misfit(
    spec: &NodeSpec,
    port: &Port,
    need: &Need,
    table: &str,
    schema: &TableSchema,
    span: &Span,
) -> Option<SpecError> {
    let error = |message: String| {
        SpecError::new("pipeline.column", message, span.clone(), format!("`{table}`"))
    };
    let reader = format!("port `{}` of node `{}`", port.name, spec.name);
    let Some(column) = schema.column(&need.column) else {
        let names = schema.columns.iter().map(|c| c.name.as_str());
        let help = match did_you_mean(&need.column, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its columns are: {}", names.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("{reader} reads column `{}`, which `{table}` lacks", need.column);
        return Some(error(message).help(help));
    };
    if !need.types.is_empty() && !need.types.contains(&column.kind) {
        let wanted: Vec<String> = need.types.iter().map(ToString::to_string).collect();
        return Some(error(format!(
            "{reader} reads `{}` as {}, but it is {}",
            need.column,
            wanted.join(" or "),
            column.kind
        )));
    }
    let wanted = need.unit.as_ref()?;
    (*wanted != column.unit).then(|| {
        error(format!(
            "{reader} reads `{}` in {}, but it is in {}",
            need.column,
            unit_name(wanted),
            unit_name(&column.unit)
        ))
        .help("declare the right unit where the column is made, or convert it with stage `derive`")
    })
}

fn unit_name(unit: &str) -> String {
    if unit.is_empty() { "no unit".into() } else { format!("`{unit}`") }
}
