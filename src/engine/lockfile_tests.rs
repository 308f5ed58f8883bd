use super::*;

fn sample() -> Lockfile {
    let digest = |text: &str| Digest::of_bytes(text.as_bytes()).to_string();
    let columns = BTreeMap::from([("x.y".to_owned(), digest("x")), ("id".to_owned(), digest("i"))]);
    let node = LockedNode {
        stage: "cuts".into(),
        revision: 3,
        seed: Some(u64::MAX.to_string()),
        params: BTreeMap::from([("criteria".to_owned(), r#"[["a","x > 1"]]"#.to_owned())]),
        output: BTreeMap::from([("kept".to_owned(), LockedOutput { rows: 7, columns })]),
        ..LockedNode::default()
    };
    let file = |name: &str| format!("{} {name}", digest(name));
    let list = vec![file("a.csv"), file("b.csv")];
    Lockfile {
        format: FORMAT,
        run: "20210130T000000-0000000".into(),
        pipeline: "p".into(),
        profile: "nearby".into(),
        method: "printed".into(),
        sets: vec![],
        code: "mdwarf 0".into(),
        machine: "m".into(),
        dataset: BTreeMap::from([(
            "stars".to_owned(),
            LockedDataset { files: 2, blake3: digest("ab"), list },
        )]),
        node: BTreeMap::from([("bright".to_owned(), node)]),
    }
}

#[test]
fn the_text_reads_back_and_is_sorted() {
    let lock = sample();
    let text = lock.text().expect("a text");
    assert_eq!(Lockfile::parse(&text), Ok(lock));
    assert!(text.find("id = ") < text.find("\"x.y\" = "), "{text}");
    assert!(Lockfile::parse(&text.replace("format = 1", "format = 9")).is_err());
}

#[test]
fn what_it_is_made_of_is_compared_by_place() {
    let old = sample();
    let mut new = old.clone();
    assert!(old.made_differently(&new).is_empty());
    if let Some(node) = new.node.get_mut("bright") {
        node.revision = 4;
        node.params.insert("criteria".into(), r#"[["a","x > 2"]]"#.into());
    }
    if let Some(dataset) = new.dataset.get_mut("stars") {
        dataset.blake3 = Digest::of_bytes(b"other").to_string();
        dataset.list[1] = format!("{} b.csv", Digest::of_bytes(b"new bytes"));
    }
    new.method = "released".into();
    let found: Vec<String> =
        old.made_differently(&new).iter().map(|difference| difference.place.clone()).collect();
    let expected = [
        "method",
        "dataset `stars` file `b.csv`",
        "node `bright` revision",
        "node `bright` parameter `criteria`",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_came_out_is_compared_by_column() {
    let old = sample();
    let mut new = old.clone();
    new.run = "another".into();
    assert!(old.came_out_differently(&new).is_empty());
    let output = new.node.get_mut("bright").and_then(|n| n.output.get_mut("kept")).expect("it");
    output.columns.insert("x.y".into(), Digest::of_bytes(b"moved").to_string());
    output.columns.remove("id");
    let found = old.came_out_differently(&new);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].to_string(), "`bright.kept` column `id`: there -> gone");
    assert_eq!(found[1].place, "`bright.kept` column `x.y`");
    assert_eq!(found[1].new, Digest::of_bytes(b"moved").short());
    // A node that this run did not make is not compared.
    new.node.get_mut("bright").expect("it").output.clear();
    assert!(old.came_out_differently(&new).is_empty());
}
