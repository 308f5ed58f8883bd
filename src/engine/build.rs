//! From a specification to a sound pipeline: stages found, ports bound, columns and units fitted.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::error::EngineError;
use super::pipeline::{BoundPort, Built, Node, Pipeline, StageDef, node_seed, output_schema};
use super::source::Binding;
use super::spec::{
    DatasetSlot, NodeSpec, PortRef, Span, Spec, SpecError, SpecErrors, cycle_error, did_you_mean,
};
use super::stage::{Need, Output, Port, Schemas, Scope, TableSchema};

/// Finds what fills a slot.
pub type Binder<'a> = &'a dyn Fn(&DatasetSlot) -> Binding;

/// Builds the pipeline, or tells all that is wrong with it.
pub fn build(
    spec: &Spec,
    registry: &'static [StageDef],
    bind: Binder<'_>,
) -> Result<Pipeline, SpecErrors> {
    if let Some(error) = cycle_error(spec) {
        return Err(SpecErrors(vec![error]));
    }
    let mut builder = Builder {
        spec,
        registry,
        bind,
        nodes: Vec::new(),
        index: BTreeMap::new(),
        errors: Vec::new(),
    };
    for name in order(spec) {
        if let Some(node) = spec.nodes.get(&name) {
            builder.add(node);
        }
    }
    builder.finish()
}

/// Names in topological order; among nodes that are ready at once, in order of declaration.
fn order(spec: &Spec) -> Vec<String> {
    let names: Vec<&String> = spec.nodes.keys().collect();
    let mut graph: DiGraph<usize, ()> = DiGraph::new();
    let nodes: Vec<NodeIndex> = (0..names.len()).rev().map(|i| graph.add_node(i)).collect();
    let at: BTreeMap<&str, NodeIndex> =
        names.iter().rev().zip(&nodes).map(|(name, node)| (name.as_str(), *node)).collect();
    for (name, node) in &spec.nodes {
        for from in node.inputs.values() {
            if let (Some(a), Some(b)) = (at.get(from.node.as_str()), at.get(name.as_str())) {
                graph.add_edge(*a, *b, ());
            }
        }
    }
    let sorted = toposort(&graph, None).unwrap_or_default();
    sorted.into_iter().map(|node| names[graph[node]].clone()).collect()
}

struct Builder<'a> {
    spec: &'a Spec,
    registry: &'static [StageDef],
    bind: Binder<'a>,
    nodes: Vec<Node>,
    index: BTreeMap<String, usize>,
    errors: Vec<SpecError>,
}

impl Builder<'_> {
    /// Adds a node; one that is wrong is left out. Of its consumers only the parameters are checked.
    fn add(&mut self, spec: &NodeSpec) {
        if spec.inputs.values().any(|from| {
            self.spec.nodes.contains_key(&from.node) && !self.index.contains_key(&from.node)
        }) {
            let built = self.stage(spec).and_then(|stage| (stage.build)(spec));
            self.errors.extend(built.err());
            return;
        }
        match self.node(spec) {
            Ok(node) => {
                self.index.insert(spec.name.clone(), self.nodes.len());
                self.nodes.push(node);
            }
            Err(mut errors) => self.errors.append(&mut errors),
        }
    }

    fn node(&self, spec: &NodeSpec) -> Result<Node, Vec<SpecError>> {
        let stage = self.stage(spec).map_err(|e| vec![e])?;
        let Built { work, params } = (stage.build)(spec).map_err(|e| vec![e])?;
        let ports = work.ports();
        let bound = self.bind_ports(spec, stage, ports)?;
        let dataset = self.dataset(spec, work.dataset()).map_err(|e| vec![e])?;
        let absent = self.absent(&bound, &dataset);
        // The shape of a node that will run is that of the inputs that it will have.
        let bound: Vec<BoundPort> = match absent {
            Some(_) => bound,
            None => bound.into_iter().map(|b| self.without_absent(b)).collect(),
        };
        let schemas = self.schemas(&bound);
        let outputs = work.outputs(&schemas).map_err(|why| {
            let message = format!("node `{}`: {why}", spec.name);
            vec![SpecError::new("pipeline.outputs", message, spec.name_span.clone(), "this node")]
        })?;
        refuse_unsound(spec, &bound, &outputs)?;
        let (outputs, shapes) = self.shapes(spec, outputs, &schemas)?;
        Ok(Node {
            name: spec.name.clone(),
            seed: work.seed_purpose().map(|purpose| node_seed(self.spec.seed, purpose)),
            stage,
            work,
            params,
            section: spec.section.clone(),
            about: spec.about.clone().unwrap_or_default(),
            ports: bound,
            outputs,
            schemas: shapes,
            dataset,
            absent,
        })
    }

    fn stage(&self, spec: &NodeSpec) -> Result<&'static StageDef, SpecError> {
        self.registry.iter().find(|def| def.name == spec.stage.value).ok_or_else(|| {
            let names: Vec<&str> = self.registry.iter().map(|def| def.name).collect();
            let message = format!("there is no stage `{}`", spec.stage.value);
            let help = match did_you_mean(&spec.stage.value, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("stages are: {}", names.join(", ")),
            };
            SpecError::new("pipeline.stage", message, spec.stage.span.clone(), "unknown stage")
                .help(help)
        })
    }

    fn bind_ports(
        &self,
        spec: &NodeSpec,
        stage: &StageDef,
        ports: Vec<Port>,
    ) -> Result<Vec<BoundPort>, Vec<SpecError>> {
        let mut errors = Vec::new();
        let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
        for (name, from) in &spec.inputs {
            if !names.contains(&name.as_str()) {
                errors.push(unknown_port(spec, stage, name, &from.span, &names));
            }
        }
        let mut bound = Vec::new();
        for port in ports {
            match spec.inputs.get(&port.name) {
                Some(from) => match self.connect(spec, &port, from) {
                    Ok(source) => bound.push(BoundPort { port, source: Some(source) }),
                    Err(mut why) => errors.append(&mut why),
                },
                None if port.optional => bound.push(BoundPort { port, source: None }),
                None => errors.push(missing_port(spec, stage, &port)),
            }
        }
        if errors.is_empty() { Ok(bound) } else { Err(errors) }
    }

    fn connect(
        &self,
        spec: &NodeSpec,
        port: &Port,
        from: &PortRef,
    ) -> Result<(usize, usize), Vec<SpecError>> {
        let (node, output) = self.resolve(from).map_err(|e| vec![e])?;
        let source = &self.nodes[node];
        let schema = &source.schemas[output];
        let table = format!("{}.{}", source.name, source.outputs[output].name);
        let errors: Vec<SpecError> = port
            .needs
            .iter()
            .filter_map(|need| misfit(spec, port, need, &table, schema, &from.span))
            .collect();
        if errors.is_empty() { Ok((node, output)) } else { Err(errors) }
    }

    fn resolve(&self, from: &PortRef) -> Result<(usize, usize), SpecError> {
        let unknown =
            |message: String| SpecError::new("pipeline.output", message, from.span.clone(), "here");
        let Some(&node) = self.index.get(&from.node) else {
            return Err(unknown(format!("node `{}` is not usable", from.node)));
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
            unknown(format!("node `{}` has no output `{name}`", from.node)).help(help)
        })?;
        Ok((node, output))
    }

    fn schemas(&self, bound: &[BoundPort]) -> Schemas {
        let mut schemas = Schemas::new();
        for port in bound {
            if let Some((node, output)) = port.source {
                let schema: &TableSchema = &self.nodes[node].schemas[output];
                schemas.insert(port.port.name.clone(), schema.clone());
            }
        }
        schemas
    }

    #[allow(clippy::type_complexity)]
    fn shapes(
        &self,
        spec: &NodeSpec,
        outputs: Vec<Output>,
        inputs: &Schemas,
    ) -> Result<(Vec<Arc<Output>>, Vec<Arc<TableSchema>>), Vec<SpecError>> {
        let mut shapes = Vec::new();
        for output in &outputs {
            let shape = output_schema(&spec.name, output, inputs).map_err(|why| {
                let span = spec.name_span.clone();
                vec![SpecError::new("pipeline.columns", why.to_string(), span, "this node")]
            })?;
            shapes.push(Arc::new(shape));
        }
        Ok((outputs.into_iter().map(Arc::new).collect(), shapes))
    }

    fn dataset(
        &self,
        spec: &NodeSpec,
        slot: Option<&str>,
    ) -> Result<Option<(String, Binding)>, SpecError> {
        let Some(name) = slot else { return Ok(None) };
        let Some(slot) = self.spec.datasets.get(name) else {
            let span = spec
                .params
                .get("dataset")
                .map_or_else(|| spec.name_span.clone(), |value| value.span.clone());
            let message = format!("there is no dataset `{name}`");
            let names = self.spec.datasets.keys().map(String::as_str);
            let help = match did_you_mean(name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("declare it: [dataset.{name}]"),
            };
            return Err(SpecError::new("pipeline.dataset", message, span, "unknown").help(help));
        };
        Ok(Some((name.to_owned(), (self.bind)(slot))))
    }

    /// The absent dataset that a node cannot do without: that of a required port, or of all its
    /// ports where none is required.
    fn absent(&self, bound: &[BoundPort], dataset: &Option<(String, Binding)>) -> Option<String> {
        if let Some((name, Binding::Absent(_))) = dataset {
            return Some(name.clone());
        }
        let source = |b: &BoundPort| b.source.and_then(|(node, _)| self.nodes[node].absent.clone());
        let required = bound.iter().filter(|b| !b.port.optional);
        if let Some(name) = required.clone().find_map(source) {
            return Some(name);
        }
        let mut given = bound.iter().filter(|b| b.source.is_some()).peekable();
        let nothing_left = required.count() == 0
            && given.peek().is_some()
            && given.clone().all(|b| source(b).is_some());
        if nothing_left { given.find_map(source) } else { None }
    }

    /// An optional port whose source is absent is as good as unbound.
    fn without_absent(&self, mut bound: BoundPort) -> BoundPort {
        if bound.port.optional
            && let Some((node, _)) = bound.source
            && self.nodes[node].absent.is_some()
        {
            bound.source = None;
        }
        bound
    }

    fn finish(mut self) -> Result<Pipeline, SpecErrors> {
        let mut publish = Vec::new();
        if self.errors.is_empty() {
            for publication in &self.spec.publish {
                match self.resolve(&publication.from) {
                    Ok((node, output)) => {
                        publish.push((publication.file.value.clone(), node, output));
                    }
                    Err(why) => self.errors.push(why),
                }
            }
            for claim in &self.spec.claims {
                if let Err(why) = self.resolve(&claim.value.from) {
                    self.errors.push(why);
                }
            }
        }
        if !self.errors.is_empty() {
            return Err(SpecErrors(self.errors));
        }
        Ok(Pipeline {
            name: self.spec.name.value.clone(),
            profile: self.spec.profile.name.value.clone(),
            method: self.spec.method.clone(),
            graph: graph(&self.nodes),
            nodes: self.nodes,
            claims: self.spec.claims.clone(),
            publish,
        })
    }
}

/// What the engine could not keep apart: parts of two driving ports, or parts of parts.
fn refuse_unsound(
    spec: &NodeSpec,
    bound: &[BoundPort],
    outputs: &[Output],
) -> Result<(), Vec<SpecError>> {
    let driving = bound.iter().filter(|b| b.port.scope == Scope::Driving).count();
    let what = if driving > 1 {
        "is driven by two ports"
    } else if driving == 1 && outputs.iter().any(|output| output.split.is_some()) {
        "cuts an output that a port has cut into parts already"
    } else {
        return Ok(());
    };
    let message = format!("stage `{}` of node `{}` {what}", spec.stage.value, spec.name);
    let span = spec.name_span.clone();
    Err(vec![SpecError::new("pipeline.contract", message, span, "this node")])
}

fn graph(nodes: &[Node]) -> DiGraph<usize, String> {
    let mut graph = DiGraph::new();
    for index in 0..nodes.len() {
        graph.add_node(index);
    }
    for (index, node) in nodes.iter().enumerate() {
        for bound in &node.ports {
            if let Some((source, output)) = bound.source {
                let label =
                    format!("{} -> {}", nodes[source].outputs[output].name, bound.port.name);
                graph.add_edge(NodeIndex::new(source), NodeIndex::new(index), label);
            }
        }
    }
    graph
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

impl From<EngineError> for SpecErrors {
    fn from(error: EngineError) -> Self {
        SpecErrors(vec![SpecError {
            code: "engine",
            message: error.to_string(),
            labels: Vec::new(),
            help: None,
        }])
    }
}
