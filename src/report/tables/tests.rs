use super::*;

fn sample() -> Table {
    cluster_means(&[
        ClusterRow {
            cluster: "Melotte 22".into(),
            m_h: -0.004,
            m_h_sd: Some(0.13),
            fe_h: 0.0,
            fe_h_sd: Some(0.09),
            n: 66,
            n_training: 40,
        },
        ClusterRow {
            cluster: "Berkeley 19".into(),
            m_h: -0.19,
            m_h_sd: None,
            fe_h: f64::NAN,
            fe_h_sd: None,
            n: 1,
            n_training: 0,
        },
    ])
}

/// First and last byte and format of each column as the description says.
fn described(mrt: &str) -> Vec<(usize, usize, String)> {
    let rule = "-".repeat(80);
    let mut sections = mrt.split(&rule);
    let rows = sections.nth(2).expect("the description's rows");
    rows.lines()
        .filter(|line| line.get(..8).is_some_and(|bytes| !bytes.trim().is_empty()))
        .map(|line| {
            let numbers: Vec<usize> =
                line[..8].split('-').map(|n| n.trim().parse().expect("a byte")).collect();
            (numbers[0], numbers[numbers.len() - 1], line[9..15].trim().to_owned())
        })
        .collect()
}

#[test]
fn the_bytes_of_a_machine_readable_table_add_up() {
    let table = sample();
    let mrt = table.mrt("Li J. et al.");
    assert!(mrt.is_ascii());
    let fields = described(&mrt);
    assert_eq!(fields.len(), table.columns.len());
    for (before, after) in fields.iter().zip(&fields[1..]) {
        assert_eq!(after.0, before.1 + 2, "one blank between columns");
    }
    let rows: Vec<&str> = mrt.lines().rev().take(2).collect();
    for row in &rows {
        assert_eq!(row.len(), fields.last().expect("a column").1);
    }
    let cell =
        |row: &str, column: usize| row[fields[column].0 - 1..fields[column].1].trim().to_owned();
    assert_eq!(cell(rows[1], 0), "Melotte 22");
    assert_eq!(cell(rows[1], 1), "0.00", "no negative zero");
    assert_eq!(cell(rows[0], 1), "-0.19");
    assert_eq!((cell(rows[0], 2).as_str(), cell(rows[0], 3).as_str()), ("", ""));
    assert_eq!(fields[1].2, "F5.2");
    assert!(mrt.contains("s_M_H_AP       ? standard deviation"), "{mrt}");
    assert!(mrt.lines().all(|line| line.len() <= 80));
}

#[test]
fn identifiers_keep_all_their_digits() {
    let columns = vec![Column::new("source_id", "", "source", Kind::Integer)];
    let rows = vec![vec![Cell::Integer(5_853_498_713_190_525_696)]];
    let table = Table { name: "t".into(), title: "t".into(), columns, rows, notes: vec![] };
    assert!(table.mrt("").ends_with("\n5853498713190525696\n"));
    assert!(table.markdown().contains("5853498713190525696"));
}

#[test]
fn markdown_and_latex_print_a_value_with_its_error() {
    let table = sample();
    let markdown = table.markdown();
    assert!(
        markdown.contains("| Melotte 22 | 0.00 ± 0.13 | 0.00 ± 0.09 | 66 | 40 |"),
        "{markdown}"
    );
    assert!(markdown.contains("| Berkeley 19 | \u{2212}0.19 |  | 1 | 0 |"));
    let latex = table.latex();
    assert!(latex.contains("\\begin{deluxetable}{lccrr}"));
    assert!(latex.contains("Melotte 22 & 0.00 $\\pm$ 0.13"));
    assert!(latex.contains("Berkeley 19 & $-$0.19 & \\nodata & 1 & 0\n\\enddata"));
    assert!(latex.contains("\\colhead{[Fe/H]$_{\\rm OCCAM}$}"));
    assert_eq!(latex.matches('{').count(), latex.matches('}').count());
}

#[test]
fn signs_of_the_formats_in_texts_do_no_harm() {
    let columns = vec![Column::new("a", "", "50% & more_or | less", Kind::Text)];
    let table = Table {
        name: "t".into(),
        title: "100% & A_B".into(),
        columns,
        rows: vec![vec![Cell::text("x|y_z & 5%")]],
        notes: vec!["$".into()],
    };
    assert!(table.markdown().contains("x\\|y\\_z & 5%"));
    let latex = table.latex();
    assert!(
        latex.contains("x|y\\_z \\& 5\\%")
            && latex.contains("100\\% \\& A\\_B")
            && latex.contains("\\$")
    );
}

#[test]
fn a_table_without_rows_or_columns_is_no_harm() {
    for table in
        [cluster_means(&[]), stellar_labels(&[]), notation(), catalog_fields(&PAPER_FIELDS)]
    {
        assert!(
            !table.markdown().is_empty() && !table.latex().is_empty() && !table.mrt("").is_empty()
        );
    }
    let nothing = Table {
        name: "t".into(),
        title: String::new(),
        columns: vec![],
        rows: vec![vec![]],
        notes: vec![],
    };
    assert!(
        !nothing.markdown().is_empty()
            && !nothing.latex().is_empty()
            && !nothing.mrt("").is_empty()
    );
}

#[test]
fn the_head_says_what_it_leaves_out() {
    let row = CatalogRow {
        obsid: 1,
        teff_bt: None,
        teff_bt_err: None,
        teff_ap: Some(3804.4),
        teff_ap_err: Some(66.0),
        m_h_ap: Some(0.14),
        m_h_ap_err: Some(0.16),
        snri: Some(46.0),
    };
    let table = stellar_labels(&vec![row; 30]);
    let head = table.head(21);
    assert_eq!(head.rows.len(), 21);
    assert!(head.notes[0].contains("first 21 of 30"));
    assert!(table.markdown().contains("| 1 |  |  | 3804 | 66 | 0.14 | 0.16 | 46 |"));
}
