//! Tables 1-4 of Li et al. 2021.

use super::{Cell, Column, Kind, Table};

/// A field of the published catalog: name, unit, meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Column.
    pub name: &'a str,
    /// Unit; empty if none.
    pub unit: &'a str,
    /// Meaning, a few words.
    pub about: &'a str,
}

const fn field<'a>(name: &'a str, unit: &'a str, about: &'a str) -> Field<'a> {
    Field { name, unit, about }
}

/// The 18 fields of Table 2.
pub const PAPER_FIELDS: [Field<'static>; 18] = [
    field("source_id", "", "source in Gaia DR2"),
    field("obsid", "", "spectrum in LAMOST DR6"),
    field("ra_obs", "deg", "right ascension that the fiber pointed at"),
    field("dec_obs", "deg", "declination that the fiber pointed at"),
    field("snru", "", "signal-to-noise ratio of the spectrum in SDSS u"),
    field("snrg", "", "signal-to-noise ratio of the spectrum in SDSS g"),
    field("snrr", "", "signal-to-noise ratio of the spectrum in SDSS r"),
    field("snri", "", "signal-to-noise ratio of the spectrum in SDSS i"),
    field("snrz", "", "signal-to-noise ratio of the spectrum in SDSS z"),
    field("z", "", "redshift of LAMOST"),
    field("z_err", "", "error of the redshift"),
    field("type", "", "magnetic activity, by H-alpha"),
    field("TEFF_BT", "K", "effective temperature, SLAM trained by BT-Settl"),
    field("TEFF_BT_ERR", "K", "error of TEFF_BT"),
    field("TEFF_AP", "K", "effective temperature, SLAM trained by ASPCAP labels"),
    field("TEFF_AP_ERR", "K", "error of TEFF_AP"),
    field("M_H_AP", "dex", "metallicity [M/H], SLAM trained by ASPCAP labels"),
    field("M_H_AP_ERR", "dex", "error of M_H_AP"),
];

/// A cluster of Table 3.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterRow {
    /// Name.
    pub cluster: String,
    /// Mean M_H_AP of the members, dex.
    pub m_h: f64,
    /// Standard deviation of M_H_AP, dex; from two members on.
    pub m_h_sd: Option<f64>,
    /// Mean [Fe/H] of OCCAM, dex.
    pub fe_h: f64,
    /// Standard deviation of [Fe/H], dex; from two members on.
    pub fe_h_sd: Option<f64>,
    /// Members.
    pub n: usize,
    /// Of these in training.
    pub n_training: usize,
}

/// A spectrum of Table 4.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogRow {
    /// LAMOST's number of the spectrum.
    pub obsid: i64,
    /// K.
    pub teff_bt: Option<f64>,
    /// K.
    pub teff_bt_err: Option<f64>,
    /// K.
    pub teff_ap: Option<f64>,
    /// K.
    pub teff_ap_err: Option<f64>,
    /// dex.
    pub m_h_ap: Option<f64>,
    /// dex.
    pub m_h_ap_err: Option<f64>,
    /// Signal-to-noise ratio in i.
    pub snri: Option<f64>,
}

/// Table 1: which label is trained by what.
pub fn notation() -> Table {
    let column = |name: &str, heading: &str, about: &str| {
        Column::new(name, "", about, Kind::Text).headed(heading)
    };
    let row = |cells: [&str; 3]| cells.map(Cell::text).to_vec();
    Table {
        name: "table1_notation".to_owned(),
        title: "Names of the labels by training set".to_owned(),
        columns: vec![
            column("label", "Label", "quantity"),
            column("ASPCAP", "LAMOST spectra, ASPCAP labels", "name if trained by ASPCAP labels"),
            column("BT-Settl", "BT-Settl spectra", "name if trained by BT-Settl"),
        ],
        rows: vec![
            row(["effective temperature", "TEFF_AP", "TEFF_BT"]),
            row(["metallicity", "M_H_AP", "–"]),
        ],
        notes: Vec::new(),
    }
}

/// Table 2: the fields of the catalog, [`PAPER_FIELDS`] or those of an extended one.
pub fn catalog_fields(fields: &[Field<'_>]) -> Table {
    let column = |name: &str, about: &str| Column::new(name, "", about, Kind::Text);
    let rows =
        fields.iter().map(|f| vec![Cell::text(f.name), Cell::text(f.unit), Cell::text(f.about)]);
    Table {
        name: "table2_fields".to_owned(),
        title: "Fields of the catalog of M dwarfs".to_owned(),
        columns: vec![
            column("column", "name of the field"),
            column("unit", "its unit"),
            column("description", "its meaning"),
        ],
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

/// Table 3: means of clusters against OCCAM.
pub fn cluster_means(rows: &[ClusterRow]) -> Table {
    let real = |name: &str, heading: &str, about: &str| {
        Column::new(name, "dex", about, Kind::Real(2)).headed(heading)
    };
    let count = |name: &str, heading: &str, about: &str| {
        Column::new(name, "", about, Kind::Integer).headed(heading)
    };
    let cells = rows.iter().map(|r| {
        vec![
            Cell::text(&r.cluster),
            Cell::Real(r.m_h),
            Cell::real(r.m_h_sd),
            Cell::Real(r.fe_h),
            Cell::real(r.fe_h_sd),
            Cell::count(r.n),
            Cell::count(r.n_training),
        ]
    });
    Table {
        name: "table3_clusters".to_owned(),
        title: "Metallicities of open clusters and of OCCAM".to_owned(),
        columns: vec![
            Column::new("Cluster", "", "name of the cluster", Kind::Text),
            real("M_H_AP", "mean M_H_AP", "mean M_H_AP of the members"),
            real("s_M_H_AP", "", "standard deviation of M_H_AP, from two members on").error(),
            real("Fe_H", "[Fe/H]_{OCCAM}", "mean [Fe/H] of OCCAM (Donor et al. 2020)"),
            real("s_Fe_H", "", "standard deviation of [Fe/H], from two members on").error(),
            count("N", "N", "members"),
            count("Ntrain", "N_{train}", "members that were in training"),
        ],
        rows: cells.collect(),
        notes: Vec::new(),
    }
}

/// Table 4: the labels of the spectra.
pub fn stellar_labels(rows: &[CatalogRow]) -> Table {
    let real = |name: &str, unit: &str, about: &str, decimals| {
        Column::new(name, unit, about, Kind::Real(decimals))
    };
    let about = |name: &str| {
        PAPER_FIELDS.iter().find(|f| f.name == name).map_or(String::new(), |f| f.about.to_owned())
    };
    let labels = [
        ("TEFF_BT", "K", 0),
        ("TEFF_BT_ERR", "K", 0),
        ("TEFF_AP", "K", 0),
        ("TEFF_AP_ERR", "K", 0),
        ("M_H_AP", "dex", 2),
        ("M_H_AP_ERR", "dex", 2),
    ];
    let mut columns = vec![Column::new("obsid", "", &about("obsid"), Kind::Integer)];
    columns.extend(labels.map(|(name, unit, decimals)| real(name, unit, &about(name), decimals)));
    columns.push(real("snri", "", &about("snri"), 0));
    let cells = rows.iter().map(|r| {
        let values =
            [r.teff_bt, r.teff_bt_err, r.teff_ap, r.teff_ap_err, r.m_h_ap, r.m_h_ap_err, r.snri];
        std::iter::once(Cell::Integer(r.obsid)).chain(values.map(Cell::real)).collect()
    });
    Table {
        name: "table4_labels".to_owned(),
        title: "Stellar labels of LAMOST M dwarfs".to_owned(),
        columns,
        rows: cells.collect(),
        notes: Vec::new(),
    }
}
