//! All texts to one [`Spec`].

use std::io;

use super::binding::Lists;
use super::error::{SpecError, SpecErrors, suggestion};
use super::overlay::{apply, check_nodes, read_set, unknown_node};
use super::pipeline::{Head, Pipeline, read_node, read_pipeline};
use super::profile::{Profile, bind, read_profile};
use super::source_map::{SourceMap, Span};
use super::syntax::read_document;
use super::value::{Entry, Ordered, Table, Value};
use super::{Binding, Matrix, NodeSpec, PRINTED, PortRef, Spec};

/// What a specification is made of. Texts come with the name to show in errors.
pub struct SpecInput<'a> {
    /// `pipeline.toml`: name and text.
    pub pipeline: (&'a str, &'a str),
    /// The profile: name and text.
    pub profile: (&'a str, &'a str),
    /// Reads a list file, by its path relative to the profile.
    pub list_files: &'a dyn Fn(&str) -> io::Result<String>,
    /// The method: [`PRINTED`] or a `[method.NAME]`.
    pub method: &'a str,
    /// `node.param=value`, later ones win.
    pub sets: &'a [String],
}

/// The most errors that are looked for: each is compared with all names, and nobody reads the rest.
const MOST_ERRORS: usize = 100;

impl Spec {
    /// Reads and checks everything that can be checked without knowing the stages.
    ///
    /// # Errors
    /// All that was found wrong, with the texts to show it in. Cycles are not looked for: see
    /// [`cycle_error`](super::cycle_error).
    pub fn load(input: &SpecInput<'_>) -> Result<(Spec, SourceMap), (SpecErrors, SourceMap)> {
        let mut loader = Loader::default();
        let spec = loader.load(input);
        match spec {
            Some(spec) if loader.errors.is_empty() => Ok((spec, loader.map)),
            _ => Err((SpecErrors(loader.errors), loader.map)),
        }
    }
}

#[derive(Default)]
struct Loader {
    map: SourceMap,
    errors: Vec<SpecError>,
}

impl Loader {
    fn load(&mut self, input: &SpecInput<'_>) -> Option<Spec> {
        // Both files are read before giving up, so that errors of both are told.
        let pipeline = self.document(input.pipeline);
        let profile = self.document(input.profile);
        let (document, start) = pipeline?;
        let mut pipeline = read_pipeline(document, &start, &mut self.errors);
        let (document, profile_start) = profile?;
        let profile = read_profile(document, &profile_start, &mut self.errors);
        // What a broken file leaves out would only be reported again as unknown by everything that names it.
        if !self.errors.is_empty() {
            return None;
        }
        let methods = self.method(&mut pipeline, input.method, &start);
        let info = self.profile(&mut pipeline, profile, input)?;
        let mut head = pipeline.head.take()?;
        self.sets(&mut pipeline, &mut head, input.sets);
        self.references(&pipeline);
        let matrices = self.matrices(&mut pipeline, &methods);
        Some(Spec {
            name: head.name,
            seed: head.seed,
            bibcode: head.bibcode,
            profile: info,
            method: input.method.to_owned(),
            methods,
            datasets: pipeline.datasets,
            nodes: pipeline.nodes,
            publish: pipeline.publish,
            claims: pipeline.claims,
            contradictions: pipeline.contradictions,
            matrices,
        })
    }

    /// All combinations of the matrices, their methods looked up.
    fn matrices(&mut self, pipeline: &mut Pipeline, methods: &[String]) -> Vec<Matrix> {
        let mut matrices: Vec<Matrix> = Vec::new();
        for raw in std::mem::take(&mut pipeline.matrices) {
            let matrix = raw.combine(methods, &mut self.errors);
            if let Some(first) = matrices.iter().find(|other| other.name == matrix.name) {
                let message = format!("matrix `{}` is written twice", matrix.name);
                let error = SpecError::new("spec.duplicate", message, matrix.span.clone(), "again");
                self.errors.push(error.label(first.span.clone(), "first"));
            }
            matrices.push(matrix);
        }
        matrices
    }

    fn document(&mut self, (name, text): (&str, &str)) -> Option<(Table, Span)> {
        let base = self.map.end();
        let table = read_document(&mut self.map, name, text, &mut self.errors)?;
        Some((table, base..base))
    }

    /// Lays the method over the nodes and lists all methods.
    fn method(&mut self, pipeline: &mut Pipeline, method: &str, start: &Span) -> Vec<String> {
        let mut names = vec![PRINTED.to_owned()];
        let mut chosen = None;
        for (name, entry) in std::mem::take(&mut pipeline.methods) {
            if let Value::Table(table) = entry.value.value {
                match name == method {
                    true => chosen = Some(table),
                    false => check_nodes(&pipeline.nodes, &table, &mut self.errors),
                }
            }
            names.push(name);
        }
        match chosen {
            Some(table) => apply(&mut pipeline.nodes, table.0, &mut self.errors),
            None if method == PRINTED => {}
            None => {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let message = format!("there is no method `{method}`");
                let error = SpecError::new(
                    "spec.method",
                    message,
                    start.clone(),
                    "no such [method.…] here",
                );
                self.errors.push(error.help(suggestion(method, &known, "method")));
            }
        }
        names
    }

    fn profile(
        &mut self,
        pipeline: &mut Pipeline,
        profile: Profile,
        input: &SpecInput<'_>,
    ) -> Option<super::ProfileInfo> {
        let info = profile.info?;
        let directory = input.profile.0.rsplit_once('/').map_or("", |(dir, _)| dir);
        let mut lists = Lists {
            map: &mut self.map,
            directory,
            read: input.list_files,
            errors: &mut self.errors,
        };
        for slot in profile.slots {
            if let Some(there) = pipeline.datasets.get(&slot.name) {
                let message = format!("the pipeline has a dataset slot `{}` already", slot.name);
                let error = SpecError::new("spec.duplicate", message, slot.span, "again");
                let error = error.label(there.span.clone(), "first");
                lists.errors.push(error.help("leave out `about` to say what fills that slot"));
            } else {
                pipeline.datasets.insert(slot.name.clone(), slot);
            }
        }
        bind(&mut pipeline.datasets, profile.datasets, &info.name, &mut lists);
        self.own_nodes(pipeline, profile.own);
        pipeline.publish.extend(profile.publish);
        pipeline.claims.extend(profile.claims);
        pipeline.matrices.extend(profile.matrices);
        refuse_twice(pipeline, &mut self.errors);
        apply(&mut pipeline.nodes, profile.nodes, &mut self.errors);
        Some(info)
    }

    /// Adds the nodes that a profile brings with it, as those of a simulated survey.
    fn own_nodes(&mut self, pipeline: &mut Pipeline, own: Ordered<Entry>) {
        for (name, entry) in own {
            if let Some(there) = pipeline.nodes.get(&name) {
                let message = format!("the pipeline has a node `{name}` already");
                let error = SpecError::new("spec.duplicate", message, entry.key, "again");
                let error = error.label(there.name_span.clone(), "first");
                self.errors.push(
                    error.help(
                        "give it another name; to change a node's parameters leave out `stage`",
                    ),
                );
            } else if let Some(node) = read_node(&name, entry, &mut self.errors) {
                pipeline.nodes.insert(name, node);
            }
        }
    }

    fn sets(&mut self, pipeline: &mut Pipeline, head: &mut Head, sets: &[String]) {
        for text in sets {
            let Some(mut overlay) = read_set(&mut self.map, text, &mut self.errors) else {
                continue;
            };
            if let Some(entry) = overlay.remove("pipeline") {
                match seed_of(entry) {
                    Ok(seed) => head.seed = seed,
                    Err(error) => self.errors.push(error),
                }
            }
            apply(&mut pipeline.nodes, overlay, &mut self.errors);
        }
    }

    /// Every reference names another node that is there.
    fn references(&mut self, pipeline: &Pipeline) {
        for node in pipeline.nodes.values() {
            for (port, from) in &node.inputs {
                if from.node == node.name {
                    let message =
                        format!("port `{port}` of node `{}` reads the node itself", node.name);
                    let error = SpecError::new("spec.cycle", message, from.span.clone(), "itself");
                    self.errors.push(error);
                } else {
                    self.reference(from, pipeline);
                }
            }
        }
        for slot in pipeline.datasets.values() {
            if let Binding::Simulated { from } = &slot.binding {
                self.reference(from, pipeline);
            }
        }
        for publication in &pipeline.publish {
            self.reference(&publication.from, pipeline);
        }
        let decisions = pipeline.contradictions.iter().flat_map(|entry| &entry.at);
        for at in decisions.filter(|at| !pipeline.nodes.contains_key(&at.node)) {
            self.errors.push(unknown_node(&at.node, &pipeline.nodes, at.span.clone()));
        }
        for claim in &pipeline.claims {
            self.reference(&claim.value.from, pipeline);
            for slot in &claim.data {
                if !pipeline.datasets.contains_key(slot.value.as_str()) {
                    let known: Vec<&str> = pipeline.datasets.keys().map(String::as_str).collect();
                    let message =
                        format!("claim `{}`: there is no dataset `{}`", claim.id.value, slot.value);
                    let error =
                        SpecError::new("spec.reference", message, slot.span.clone(), "not a slot");
                    self.errors.push(error.help(suggestion(slot, &known, "dataset")));
                }
            }
        }
    }

    fn reference(&mut self, from: &PortRef, pipeline: &Pipeline) {
        if pipeline.nodes.contains_key(&from.node) || self.errors.len() >= MOST_ERRORS {
            return;
        }
        let nodes: &Ordered<NodeSpec> = &pipeline.nodes;
        let error = unknown_node(&from.node, nodes, from.span.clone());
        self.errors.push(match pipeline.datasets.contains_key(&from.node) {
            true => error.help(format!(
                "`{}` is a dataset; a port reads a node that brings it in",
                from.node
            )),
            false => error,
        });
    }
}

/// The pipeline and the profile may not speak of one file or claim both.
fn refuse_twice(pipeline: &Pipeline, errors: &mut Vec<SpecError>) {
    let files = pipeline.publish.iter().map(|p| ("published file", &p.file));
    let claims = pipeline.claims.iter().map(|claim| ("claim", &claim.id));
    let mut seen: std::collections::HashMap<(&str, &str), &Span> = std::collections::HashMap::new();
    for (what, name) in files.chain(claims) {
        if let Some(first) = seen.insert((what, name.value.as_str()), &name.span) {
            let message = format!("{what} `{}` is written twice", name.value);
            let error = SpecError::new("spec.duplicate", message, name.span.clone(), "again");
            errors.push(error.label(first.clone(), "first"));
        }
    }
}

/// The value of `--set pipeline.seed=…`, the only key of [pipeline] that a run may change.
fn seed_of(entry: Entry) -> Result<u64, SpecError> {
    let Value::Table(table) = entry.value.value else {
        let message = "expected `pipeline.seed`";
        return Err(SpecError::new("spec.set", message, entry.key, "here"));
    };
    let wrong = |message: &str, span: &Span| {
        Err(SpecError::new("spec.set", message, span.clone(), "here")
            .help("of [pipeline] only the seed can be set: `--set pipeline.seed=1`"))
    };
    match table.0.iter().next() {
        Some((key, entry)) if key == "seed" => match entry.value.value {
            Value::Integer(seed) if seed >= 0 => Ok(seed.unsigned_abs()),
            _ => wrong("the seed is a non-negative integer", &entry.value.span),
        },
        Some((key, entry)) => wrong(&format!("`pipeline.{key}` cannot be set"), &entry.key),
        None => wrong("nothing to set", &entry.key),
    }
}
