//! What people see, as snapshots: `INSTA_UPDATE=always cargo test words` writes them anew.

use insta::assert_snapshot;

use crate::stories;

#[test]
fn the_graph_as_text() {
    let answer = stories::project().mdwarf(&["dag", "--profile", "test"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_snapshot!(answer.stdout);
}

#[test]
fn the_graph_as_mermaid() {
    let answer = stories::project().mdwarf(&["dag", "--profile", "test", "--format", "mermaid"]);
    assert_snapshot!(answer.stdout);
}

#[test]
fn a_plan_after_a_change() {
    let project = stories::project();
    project.run();
    project.edit("pipeline.toml", "snri > 5", "snri > 60");
    assert_snapshot!(project.mdwarf(&["plan", "--profile", "test"]).stdout);
}

#[test]
fn several_mistakes_in_one_report() {
    let project = stories::project();
    project.edit("pipeline.toml", "buckets = 4", "bucket = 4");
    project.edit("pipeline.toml", "step = 40", "steps = 40");
    project.edit("pipeline.toml", "folds = 3", "folds = \"three\"");
    let answer = project.mdwarf(&["check", "--profile", "test"]);
    assert_eq!(answer.code, 2);
    assert_snapshot!(answer.stderr);
}

#[test]
fn a_star_that_is_not_there() {
    let project = stories::project();
    project.run();
    let answer = project.mdwarf(&["trace", "1", "--profile", "test"]);
    assert_eq!(answer.code, 2);
    assert_snapshot!(answer.stderr);
}
