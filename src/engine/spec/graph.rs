//! Nodes that wait for themselves.

use std::collections::HashMap;

use super::Spec;
use super::error::SpecError;

/// A cycle among the nodes, if there is one: each reads the next, and the last the first.
pub fn cycle(spec: &Spec) -> Option<Vec<String>> {
    let names: Vec<&String> = spec.nodes.keys().collect();
    let index: HashMap<&str, usize> =
        names.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
    let reads: Vec<Vec<usize>> = spec
        .nodes
        .values()
        .map(|node| {
            let inputs = node.inputs.values();
            inputs.filter_map(|from| index.get(from.node.as_str()).copied()).collect()
        })
        .collect();
    let found = find_cycle(&reads)?;
    Some(found.into_iter().map(|node| names[node].clone()).collect())
}

/// The most nodes of a cycle that are named.
const MOST_NAMED: usize = 20;

/// The cycle as an error with the place of each `in` entry that closes it.
pub fn cycle_error(spec: &Spec) -> Option<SpecError> {
    let chain = cycle(spec)?;
    let next = chain.iter().cycle().skip(1);
    let mut words: Vec<String> =
        chain.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
    if let Some(more) = chain.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        words.push(format!("… ({more} more)"));
    }
    let labels = chain.iter().zip(next).take(MOST_NAMED).filter_map(|(node, read)| {
        let inputs = &spec.nodes.get(node)?.inputs;
        let from = inputs.values().find(|from| from.node == *read)?;
        Some((from.span.clone(), format!("`{node}` reads `{read}`")))
    });
    Some(SpecError {
        code: "spec.cycle",
        message: format!("nodes wait for each other: {} reads {}", words.join(" reads "), words[0]),
        labels: labels.collect(),
        help: Some("bind one of these ports to another node".into()),
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Depth-first search with its own stack: a chain may be as long as there are nodes.
fn find_cycle(reads: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut marks = vec![Mark::New; reads.len()];
    for start in 0..reads.len() {
        // Node and how many of its inputs were followed.
        let mut open: Vec<(usize, usize)> = Vec::new();
        if marks[start] == Mark::New {
            marks[start] = Mark::Open;
            open.push((start, 0));
        }
        while let Some((node, followed)) = open.last_mut() {
            let Some(&next) = reads[*node].get(*followed) else {
                marks[*node] = Mark::Done;
                open.pop();
                continue;
            };
            *followed += 1;
            match marks[next] {
                Mark::Done => {}
                Mark::New => {
                    marks[next] = Mark::Open;
                    open.push((next, 0));
                }
                Mark::Open => {
                    let chain = open.iter().map(|(node, _)| *node);
                    return Some(chain.skip_while(|node| *node != next).collect());
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find_cycle;

    #[test]
    fn cycles_are_found_wherever_they_are() {
        assert_eq!(find_cycle(&[]), None);
        assert_eq!(find_cycle(&[vec![1, 2], vec![2], vec![]]), None);
        assert_eq!(find_cycle(&[vec![], vec![0, 2], vec![3], vec![1]]), Some(vec![1, 2, 3]));
        assert_eq!(find_cycle(&[vec![1], vec![2], vec![1]]), Some(vec![1, 2]));
        assert_eq!(find_cycle(&[vec![0]]), Some(vec![0]));
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let n = 200_000;
        let mut reads: Vec<Vec<usize>> = (0..n).map(|i| vec![i + 1]).collect();
        reads.push(vec![]);
        assert_eq!(find_cycle(&reads), None);
        reads[n] = vec![n - 1];
        assert_eq!(find_cycle(&reads), Some(vec![n - 1, n]));
    }
}
