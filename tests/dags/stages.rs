//! Tiny stages of whole numbers, which tell what they were handed and can be made to fail.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray, Int64Array, UInt32Array};
use arrow::datatypes::Int64Type;
use mdwarf::engine::pipeline::StageDef;
use mdwarf::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Split, Stage, StageError,
};
use mdwarf::engine::types::{ColumnMeta, I64};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What each job done was handed, in words that the oracle finds too.
pub static DONE: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// So many jobs are done before one fails.
pub static FUSE: AtomicI64 = AtomicI64::new(i64::MAX);

pub static REGISTRY: &[StageDef] = &[
    StageDef::of::<Source>("source", 1, "reads numbers"),
    StageDef::of::<Map>("map", 1, "adds a column"),
    StageDef::of::<Pick>("pick", 1, "takes some rows"),
    StageDef::of::<Sum>("sum", 1, "adds up a column"),
    StageDef::of::<Join>("join", 1, "adds the sum of another table"),
    StageDef::of::<Chunk>("chunk", 1, "cuts a table anew"),
];

/// A port and the columns that a job was handed there.
pub type Handed<'a> = (&'a str, &'a [(&'a str, Vec<i64>)]);

/// What a job was handed, in words.
pub fn told(stage: &str, params: &str, ports: &[Handed<'_>]) -> String {
    let mut text = format!("{stage} {params}");
    for (port, columns) in ports {
        let mut columns = columns.to_vec();
        columns.sort();
        columns.dedup();
        text.push_str(&format!(" | {port} {columns:?}"));
    }
    text
}

fn begin() -> Result<(), StageError> {
    if FUSE.fetch_sub(1, Ordering::SeqCst) <= 0 {
        return Err(StageError::new("the fuse has blown"));
    }
    Ok(())
}

fn done(text: String) {
    DONE.lock().expect("a lock").push(text);
}

fn numbers(job: &Job, port: &str, column: &str) -> Result<Vec<i64>, StageError> {
    Ok(job.column(port, column)?.as_primitive::<Int64Type>().values().to_vec())
}

fn array(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn column(name: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, I64))
}

fn needs(names: &[&str]) -> Vec<Need> {
    names.iter().map(|name| Need::of(*name, I64)).collect()
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    #[serde(skip_serializing)]
    dataset: String,
    chunk: u32,
}

impl Stage for Source {
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn dataset(&self) -> Option<&str> {
        Some(&self.dataset)
    }

    fn outputs(&self, _: &Schemas) -> Result<Vec<Output>, StageError> {
        let columns = ["id", "a", "b"].map(column).to_vec();
        Ok(vec![Output::table("out", columns).id("id").split(Split::Chunks(self.chunk))])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        begin()?;
        let text = std::str::from_utf8(job.files()[0].bytes())?.to_owned();
        let rows: Vec<Vec<i64>> = text
            .lines()
            .map(|line| line.split(' ').map(str::parse).collect::<Result<_, _>>())
            .collect::<Result<_, _>>()?;
        let product = (0..3).map(|c| array(rows.iter().map(|row| row[c]))).collect();
        done(told("source", &self.chunk.to_string(), &[("files", &[(&text, vec![])])]));
        Ok(vec![Product::new("out", product)])
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Map {
    name: String,
    x: String,
    y: String,
    k: i64,
}

impl Stage for Map {
    fn ports(&self) -> Vec<Port> {
        vec![Port::driving("rows", needs(&[&self.x, &self.y]))]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let new = vec![column(&self.name)];
        Ok(vec![Output::widened("out", "rows", &inputs["rows"], new)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        begin()?;
        let (x, y) = (numbers(job, "rows", &self.x)?, numbers(job, "rows", &self.y)?);
        let new = x.iter().zip(&y).map(|(x, y)| map(*x, *y, self.k));
        let product = Product::new("out", vec![array(new)]);
        let params = format!("{} {} {} {}", self.name, self.x, self.y, self.k);
        done(told("map", &params, &[("rows", &[(&self.x, x), (&self.y, y)])]));
        Ok(vec![product])
    }
}

pub fn map(x: i64, y: i64, k: i64) -> i64 {
    x.wrapping_mul(k).wrapping_add(y)
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pick {
    x: String,
    m: i64,
}

impl Stage for Pick {
    fn ports(&self) -> Vec<Port> {
        vec![Port::driving("rows", needs(&[&self.x]))]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        Ok(vec![Output::selected("out", "rows", &inputs["rows"], vec![])])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        begin()?;
        let x = numbers(job, "rows", &self.x)?;
        let kept = (0u32..).zip(&x).filter(|(_, x)| picks(**x, self.m)).map(|(row, _)| row);
        let product = Product::new("out", vec![]).rows("rows", UInt32Array::from_iter_values(kept));
        let params = format!("{} {}", self.x, self.m);
        done(told("pick", &params, &[("rows", &[(&self.x, x)])]));
        Ok(vec![product])
    }
}

pub fn picks(x: i64, m: i64) -> bool {
    x.rem_euclid(m) != 0
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sum {
    x: String,
}

impl Stage for Sum {
    fn ports(&self) -> Vec<Port> {
        vec![Port::whole("rows", needs(&[&self.x]))]
    }

    fn outputs(&self, _: &Schemas) -> Result<Vec<Output>, StageError> {
        Ok(vec![Output::table("out", ["id", "a"].map(column).to_vec()).id("id")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        begin()?;
        let x = numbers(job, "rows", &self.x)?;
        let sum = x.iter().fold(0i64, |sum, x| sum.wrapping_add(*x));
        done(told("sum", &self.x, &[("rows", &[(&self.x, x)])]));
        Ok(vec![Product::new("out", vec![array([0]), array([sum])])])
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Join {
    name: String,
    x: String,
    z: String,
}

impl Stage for Join {
    fn ports(&self) -> Vec<Port> {
        vec![Port::driving("rows", needs(&[&self.x])), Port::whole("other", needs(&[&self.z]))]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let new = vec![column(&self.name)];
        Ok(vec![Output::widened("out", "rows", &inputs["rows"], new)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        begin()?;
        let (x, z) = (numbers(job, "rows", &self.x)?, numbers(job, "other", &self.z)?);
        let sum = z.iter().fold(0i64, |sum, z| sum.wrapping_add(*z));
        let product = Product::new("out", vec![array(x.iter().map(|x| x.wrapping_sub(sum)))]);
        let params = format!("{} {} {}", self.name, self.x, self.z);
        done(told("join", &params, &[("rows", &[(&self.x, x)]), ("other", &[(&self.z, z)])]));
        Ok(vec![product])
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Chunk {
    x: String,
    chunk: u32,
}

impl Stage for Chunk {
    fn ports(&self) -> Vec<Port> {
        vec![Port::whole("rows", needs(&["id", &self.x]))]
    }

    fn outputs(&self, _: &Schemas) -> Result<Vec<Output>, StageError> {
        let columns = ["id", "a"].map(column).to_vec();
        Ok(vec![Output::table("out", columns).id("id").split(Split::Chunks(self.chunk))])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        begin()?;
        let (id, x) = (numbers(job, "rows", "id")?, numbers(job, "rows", &self.x)?);
        let params = format!("{} {}", self.x, self.chunk);
        let product = Product::new("out", vec![array(id.clone()), array(x.clone())]);
        done(told("chunk", &params, &[("rows", &[("id", id), (&self.x, x)])]));
        Ok(vec![product])
    }
}
