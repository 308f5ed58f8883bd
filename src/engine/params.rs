//! Building blocks of stages' parameters.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

use super::expression::Expression;
use super::key::canonical;
use super::pipeline::{Built, StageDef};
use super::spec::{NodeSpec, SpecError};
use super::stage::Stage;

/// An expression as a parameter: read as written, kept in keys in its normal form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Formula(pub Expression);

impl TryFrom<String> for Formula {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Expression::parse(&text).map(Formula).map_err(|why| format!("in `{}`: {why}", shown(&text)))
    }
}

/// The beginning of a text, for a message.
fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl From<Formula> for String {
    fn from(formula: Formula) -> Self {
        formula.0.canonical()
    }
}

impl JsonSchema for Formula {
    fn schema_name() -> Cow<'static, str> {
        "Formula".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "an expression over columns"})
    }
}

impl StageDef {
    /// Lists a stage in the registry.
    pub const fn of<S>(name: &'static str, revision: u32, about: &'static str) -> Self
    where
        S: Stage + Serialize + DeserializeOwned + JsonSchema + 'static,
    {
        StageDef {
            name,
            revision,
            about,
            build: build_stage::<S>,
            params_schema: || schemars::schema_for!(S).to_value(),
        }
    }
}

fn build_stage<S>(node: &NodeSpec) -> Result<Built, SpecError>
where
    S: Stage + Serialize + DeserializeOwned + 'static,
{
    let stage: S = node.params()?;
    let params = serde_json::to_value(&stage).map_err(|why| {
        let message = format!("node `{}`: its parameters have no JSON form: {why}", node.name);
        SpecError::new("pipeline.params", message, node.name_span.clone(), "this node")
    })?;
    Ok(Built { work: Arc::new(stage), params: without_nulls(canonical(params)) })
}

/// A parameter that is not set is not part of the key, so that adding an option to a stage leaves
/// old results valid.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
