//! From a specification to a sound pipeline: stages found, ports bound, columns and units fitted.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::error::EngineError;
use super::pipeline::{BoundPort, Built, Node, Pipeline, Slot, StageDef, node_seed, output_schema};
use super::source::{Binding, FILE_BYTES, FILE_NAME, FILES};
use super::spec;
use super::spec::{
    DatasetSlot, NodeSpec, PortRef, Spec, SpecError, SpecErrors, Value, cycle_error, did_you_mean,
};
use super::stage::{Need, Output, Port, Schemas, Scope, Split, TableSchema};
use super::types::Type;
use super::wiring::Wiring;

/// The most buckets of a node: each is a job, a record and an object.
const MOST_BUCKETS: u32 = 1 << 16;
/// The most columns of all tables of a pipeline: a long chain of nodes that each add a column would else fill
/// the memory with names.
const MOST_COLUMNS: usize = 200_000;
/// The most errors that are looked for: nobody reads the rest.
const MOST_ERRORS: usize = 100;

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
        columns: 0,
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
        for from in node.inputs.values().chain(made_for(spec, node)) {
            if let (Some(a), Some(b)) = (at.get(from.node.as_str()), at.get(name.as_str())) {
                graph.add_edge(*a, *b, ());
            }
        }
    }
    let sorted = toposort(&graph, None).unwrap_or_default();
    sorted.into_iter().map(|node| names[graph[node]].clone()).collect()
}

/// The nodes whose files a reader may be handed: any slot that its parameters name.
fn made_for<'s>(spec: &'s Spec, node: &'s NodeSpec) -> impl Iterator<Item = &'s PortRef> {
    let slot = match node.params.get("dataset").map(|given| &given.value) {
        Some(Value::Text(slot)) => spec.datasets.get(slot),
        _ => None,
    };
    slot.into_iter().filter_map(|slot| match &slot.binding {
        spec::Binding::Simulated { from } => Some(from),
        _ => None,
    })
}

struct Builder<'a> {
    spec: &'a Spec,
    registry: &'static [StageDef],
    bind: Binder<'a>,
    nodes: Vec<Node>,
    index: BTreeMap<String, usize>,
    /// Columns of all tables so far.
    columns: usize,
    errors: Vec<SpecError>,
}

impl Builder<'_> {
    /// Adds a node; one that is wrong is left out. Of its consumers only the parameters are checked.
    fn add(&mut self, spec: &NodeSpec) {
        if spec.inputs.values().chain(made_for(self.spec, spec)).any(|from| {
            self.spec.nodes.contains_key(&from.node) && !self.index.contains_key(&from.node)
        }) {
            let built = self.stage(spec).and_then(|stage| (stage.build)(spec));
            self.errors.extend(built.err());
            return;
        }
        if self.columns > MOST_COLUMNS || self.errors.len() >= MOST_ERRORS {
            return;
        }
        match self.node(spec) {
            Ok(node) => {
                self.columns += node.schemas.iter().map(|shape| shape.columns.len()).sum::<usize>();
                if self.columns > MOST_COLUMNS {
                    self.errors.push(too_many_columns(spec));
                    return;
                }
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
        let mut bound = self.wiring().ports(spec, stage, ports)?;
        let dataset = self.dataset(spec, work.dataset()).map_err(|e| vec![e])?;
        if let Some((slot, Binding::Made)) = &dataset {
            bound.push(self.made_files(spec, slot, work.file_buckets().is_some())?);
        }
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
        refuse_giants(spec, work.file_buckets(), &outputs)?;
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

    fn wiring(&self) -> Wiring<'_> {
        Wiring { nodes: &self.nodes, index: &self.index }
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

    /// The port of the files that a node of the simulation makes: part by part for a reader that works in buckets.
    fn made_files(
        &self,
        spec: &NodeSpec,
        slot: &str,
        in_buckets: bool,
    ) -> Result<BoundPort, Vec<SpecError>> {
        let needs = vec![Need::of(FILE_NAME, Type::Text), Need::of(FILE_BYTES, Type::Bytes)];
        let port = match in_buckets {
            true => Port::driving(FILES, needs),
            false => Port::whole(FILES, needs),
        };
        match self.spec.datasets.get(slot).map(|slot| &slot.binding) {
            Some(spec::Binding::Simulated { from }) => self.wiring().bind(spec, port, from),
            _ => Ok(BoundPort { port: port.optional(), source: None }),
        }
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
                match self.wiring().resolve(&publication.from) {
                    Ok((node, output)) => {
                        publish.push((publication.file.value.clone(), node, output));
                    }
                    Err(why) => self.errors.push(*why),
                }
            }
            for claim in &self.spec.claims {
                if let Err(why) = self.wiring().resolve(&claim.value.from) {
                    self.errors.push(*why);
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
            seed: self.spec.seed,
            contradictions: self.spec.contradictions.clone(),
            datasets: self
                .spec
                .datasets
                .iter()
                .map(|(name, slot)| (name.clone(), slot.about.clone(), slot.cite.clone()))
                .collect(),
            publish,
            slots: self.spec.datasets.iter().map(|(n, slot)| (n.clone(), known(slot))).collect(),
        })
    }
}

/// What people are told of a slot.
fn known(slot: &DatasetSlot) -> Slot {
    let archive = slot.archive.as_ref();
    Slot {
        about: slot.about.clone(),
        section: slot.section.clone().unwrap_or_default(),
        release: archive.map(|archive| archive.release.clone()),
        url: archive.and_then(|archive| archive.url.clone()),
        licence: archive.map(|archive| archive.licence.clone()),
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

/// More buckets than anybody means.
fn refuse_giants(
    spec: &NodeSpec,
    of_files: Option<u32>,
    outputs: &[Output],
) -> Result<(), Vec<SpecError>> {
    let of_rows = outputs.iter().filter_map(|output| match output.split {
        Some(Split::Buckets(buckets)) => Some(buckets),
        _ => None,
    });
    let Some(buckets) = of_rows.chain(of_files).find(|buckets| *buckets > MOST_BUCKETS) else {
        return Ok(());
    };
    let message = format!("node `{}` has {buckets} buckets, the most is {MOST_BUCKETS}", spec.name);
    let place = spec.params.get("buckets").map_or(&spec.name_span, |given| &given.span);
    Err(vec![
        SpecError::new("pipeline.buckets", message, place.clone(), "too many")
            .help("a bucket is best of a thousand rows or more"),
    ])
}

fn too_many_columns(spec: &NodeSpec) -> SpecError {
    let message = format!(
        "with node `{}` the tables of the pipeline have more than {MOST_COLUMNS} columns",
        spec.name
    );
    SpecError::new("pipeline.columns", message, spec.name_span.clone(), "this node")
        .help("leave out columns on the way, or nodes")
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
