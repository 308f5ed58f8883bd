//! What a graph of tiny stages comes to, found without keys, digests or a store: whole contents
//! are compared.

use std::collections::BTreeMap;

use super::stages::{map, picks, told};

/// A table in parts; each part is its columns by name.
pub type Table = Vec<BTreeMap<String, Vec<i64>>>;

/// What a node does. Columns are named by their place among those of the input.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    Source { data: usize, chunk: usize },
    Map { rows: usize, x: usize, y: usize, k: i64 },
    Pick { rows: usize, x: usize, m: i64 },
    Sum { rows: usize, x: usize },
    Join { rows: usize, other: usize, x: usize, z: usize },
    Chunk { rows: usize, x: usize, chunk: usize },
}

/// A graph: a node's inputs come before it.
#[derive(Clone, Debug)]
pub struct Graph {
    pub nodes: Vec<Work>,
    /// Rows of the datasets: `id a b`.
    pub data: Vec<Vec<[i64; 3]>>,
    /// Raised by renaming all nodes, which decides nothing.
    pub names: u32,
}

/// A job, as the oracle tells it from all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId {
    /// What the stage sees of it.
    pub told: String,
    /// The rows of the parts of what it is handed whole: row numbers mean something only so.
    pub parts: Vec<Vec<usize>>,
}

/// What a graph comes to.
pub struct Truth {
    pub tables: Vec<Table>,
    pub jobs: Vec<Vec<JobId>>,
}

pub fn columns(table: &Table) -> Vec<String> {
    table.first().map(|part| part.keys().cloned().collect()).unwrap_or_default()
}

pub fn pick_column(table: &Table, place: usize) -> String {
    let names = columns(table);
    names[place % names.len()].clone()
}

fn whole(table: &Table, column: &str) -> Vec<i64> {
    table.iter().flat_map(|part| part[column].clone()).collect()
}

fn rows(part: &BTreeMap<String, Vec<i64>>) -> usize {
    part.values().next().map_or(0, Vec::len)
}

fn cut(columns: &[(&str, Vec<i64>)], chunk: usize) -> Table {
    let n = columns[0].1.len();
    (0..n.max(1))
        .step_by(chunk.max(1))
        .map(|start| {
            let end = n.min(start + chunk);
            columns.iter().map(|(name, v)| ((*name).to_owned(), v[start..end].to_vec())).collect()
        })
        .collect()
}

pub fn text(data: &[[i64; 3]]) -> String {
    data.iter().map(|[id, a, b]| format!("{id} {a} {b}\n")).collect()
}

fn sum(values: &[i64]) -> i64 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(*value))
}

impl Graph {
    pub fn truth(&self) -> Truth {
        let mut truth = Truth { tables: Vec::new(), jobs: Vec::new() };
        for (index, work) in self.nodes.iter().enumerate() {
            let (table, jobs) = self.node(index, work, &truth.tables);
            truth.tables.push(table);
            truth.jobs.push(jobs);
        }
        truth
    }

    fn node(&self, index: usize, work: &Work, tables: &[Table]) -> (Table, Vec<JobId>) {
        let counts = |table: &Table| table.iter().map(rows).collect::<Vec<usize>>();
        let one = |told: String, parts: Vec<Vec<usize>>| vec![JobId { told, parts }];
        match work {
            Work::Source { data, chunk } => {
                let data = &self.data[*data];
                let column = |c: usize| data.iter().map(|row| row[c]).collect::<Vec<i64>>();
                let table = cut(&[("id", column(0)), ("a", column(1)), ("b", column(2))], *chunk);
                let text = text(data);
                let told = told("source", &chunk.to_string(), &[("files", &[(&text, vec![])])]);
                (table, one(told, vec![]))
            }
            Work::Map { rows, x, y, k } => {
                let input = &tables[*rows];
                let (x, y) = (pick_column(input, *x), pick_column(input, *y));
                let (name, params) = (format!("m{index}"), format!("m{index} {x} {y} {k}"));
                self.by_part(input, |part| {
                    let (xs, ys) = (part[&x].clone(), part[&y].clone());
                    let new = xs.iter().zip(&ys).map(|(x, y)| map(*x, *y, *k)).collect();
                    let told = told("map", &params, &[("rows", &[(&x, xs), (&y, ys)])]);
                    let mut part = part.clone();
                    part.insert(name.clone(), new);
                    (part, JobId { told, parts: vec![] })
                })
            }
            Work::Pick { rows: from, x, m } => {
                let input = &tables[*from];
                let x = pick_column(input, *x);
                self.by_part(input, |part| {
                    let xs = part[&x].clone();
                    let kept: Vec<bool> = xs.iter().map(|x| picks(*x, *m)).collect();
                    let taken = |values: &Vec<i64>| {
                        values.iter().zip(&kept).filter(|(_, k)| **k).map(|(v, _)| *v).collect()
                    };
                    let told = told("pick", &format!("{x} {m}"), &[("rows", &[(&x, xs.clone())])]);
                    let part = part.iter().map(|(name, v)| (name.clone(), taken(v))).collect();
                    (part, JobId { told, parts: vec![] })
                })
            }
            Work::Sum { rows: from, x } => {
                let input = &tables[*from];
                let x = pick_column(input, *x);
                let xs = whole(input, &x);
                let total = sum(&xs);
                let told = told("sum", &x, &[("rows", &[(&x, xs)])]);
                (cut(&[("id", vec![0]), ("a", vec![total])], 1), one(told, vec![counts(input)]))
            }
            Work::Join { rows: from, other, x, z } => {
                let (input, other) = (&tables[*from], &tables[*other]);
                let (x, z) = (pick_column(input, *x), pick_column(other, *z));
                let (name, params) = (format!("j{index}"), format!("j{index} {x} {z}"));
                let zs = whole(other, &z);
                self.by_part(input, |part| {
                    let xs = part[&x].clone();
                    let new = xs.iter().map(|x| x.wrapping_sub(sum(&zs))).collect();
                    let ports = [("rows", &[(x.as_str(), xs)][..]), ("other", &[(&z, zs.clone())])];
                    let told = told("join", &params, &ports);
                    let mut part = part.clone();
                    part.insert(name.clone(), new);
                    (part, JobId { told, parts: vec![counts(other)] })
                })
            }
            Work::Chunk { rows: from, x, chunk } => {
                let input = &tables[*from];
                let x = pick_column(input, *x);
                let (ids, xs) = (whole(input, "id"), whole(input, &x));
                let table = cut(&[("id", ids.clone()), ("a", xs.clone())], *chunk);
                let ports = [("rows", &[("id", ids), (x.as_str(), xs)][..])];
                let told = told("chunk", &format!("{x} {chunk}"), &ports);
                (table, one(told, vec![counts(input)]))
            }
        }
    }

    fn by_part(
        &self,
        input: &Table,
        each: impl Fn(&BTreeMap<String, Vec<i64>>) -> (BTreeMap<String, Vec<i64>>, JobId),
    ) -> (Table, Vec<JobId>) {
        input.iter().map(each).unzip()
    }

    /// The graph as `pipeline.toml`.
    pub fn toml(&self, truth: &Truth) -> String {
        let mut text = "[pipeline]\nname = \"dag\"\nseed = 1\n".to_owned();
        for data in 0..self.data.len() {
            text.push_str(&format!("[dataset.d{data}]\nabout = \"numbers\"\n"));
        }
        let name = |index: usize| format!("n{index}_{}", self.names);
        for (index, work) in self.nodes.iter().enumerate() {
            let column = |from: &usize, place: &usize| pick_column(&truth.tables[*from], *place);
            let body = match work {
                Work::Source { data, chunk } => {
                    format!("stage = \"source\"\ndataset = \"d{data}\"\nchunk = {chunk}")
                }
                Work::Map { rows, x, y, k } => format!(
                    "stage = \"map\"\nin = {{ rows = \"{}\" }}\nname = \"m{index}\"\n\
                     x = \"{}\"\ny = \"{}\"\nk = {k}",
                    name(*rows),
                    column(rows, x),
                    column(rows, y)
                ),
                Work::Pick { rows, x, m } => format!(
                    "stage = \"pick\"\nin = {{ rows = \"{}\" }}\nx = \"{}\"\nm = {m}",
                    name(*rows),
                    column(rows, x)
                ),
                Work::Sum { rows, x } => format!(
                    "stage = \"sum\"\nin = {{ rows = \"{}\" }}\nx = \"{}\"",
                    name(*rows),
                    column(rows, x)
                ),
                Work::Join { rows, other, x, z } => format!(
                    "stage = \"join\"\nin = {{ rows = \"{}\", other = \"{}\" }}\n\
                     name = \"j{index}\"\nx = \"{}\"\nz = \"{}\"",
                    name(*rows),
                    name(*other),
                    column(rows, x),
                    column(other, z)
                ),
                Work::Chunk { rows, x, chunk } => format!(
                    "stage = \"chunk\"\nin = {{ rows = \"{}\" }}\nx = \"{}\"\nchunk = {chunk}",
                    name(*rows),
                    column(rows, x)
                ),
            };
            text.push_str(&format!("[node.{}]\nsection = \"-\"\n{body}\n", name(index)));
        }
        text
    }
}
