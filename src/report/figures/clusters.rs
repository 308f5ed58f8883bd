//! Figure 8: metallicities of open-cluster members against OCCAM (Donor et al. 2020; Li et al. 2021, section 5.1).

use std::collections::BTreeMap;

use super::comparison::{Pairs, Row, distribution, statistics};
use super::sample::{differences, moments};
use crate::report::plot::{
    Axis, COLUMN_MM, Corner, Dot, Figure, Frame, INK, Line, Measured, OKABE_ITO, Origin, PALE,
    Rect, Sample, Shape, Sheet, finite,
};

/// Data of Figure 8; slices of equal length `(n_member,)`.
#[derive(Debug, Clone, Copy)]
pub struct ClustersFigure<'a> {
    /// Name of each member's cluster.
    pub cluster: &'a [String],
    /// M_H_AP, dex.
    pub m_h: &'a [f64],
    /// [Fe/H] of OCCAM: the member's or its cluster's, dex.
    pub fe_h: &'a [f64],
    /// Whether the member (or a repeat of it) was in training; empty if none was.
    pub in_training: &'a [bool],
    /// Mean of M_H_AP - [Fe/H], dex.
    pub bias: Option<Measured>,
    /// Standard deviation of M_H_AP - [Fe/H], dex.
    pub scatter: Option<Measured>,
}

const RANGE: (f64, f64) = (-1.0, 0.5);
/// Room above and below for statistics and names, where no member is hidden by them.
const OURS: (f64, f64) = (-1.4, 0.9);
/// Clusters with a color of their own.
const NAMED: usize = 5;

/// Draws Figure 8.
pub fn clusters(data: &ClustersFigure<'_>, origin: Origin) -> Figure {
    let mut sheet = Sheet::new("fig8_clusters", origin, COLUMN_MM, 66.0);
    let known = finite(data.fe_h, data.m_h).len();
    if known < 2 || [data.m_h.len(), data.fe_h.len()] != [data.cluster.len(); 2] {
        let why = "Fewer than two members of OCCAM's clusters have M_H_AP.";
        sheet.missing("open clusters", Rect::new(34.0, 12.0, 202.0, 144.0), why);
    } else {
        draw(&mut sheet, data);
    }
    let caption = "Figure 8. M_H_AP of members of open clusters against [Fe/H] of OCCAM (Donor et al. 2020). Left: members, by cluster where there are many; diamonds: means of clusters with two members or more. Right: the differences with the Gaussian of their mean and standard deviation (no clipping) and, dashed, that of the paper's. Brackets: 95% bootstrap intervals over clusters.";
    let alt = "Metallicities of cluster members scatter about the one-to-one line; histogram of differences centered near zero.";
    sheet.figure("Open clusters", caption, alt)
}

fn draw(sheet: &mut Sheet, data: &ClustersFigure<'_>) {
    let pairs = Pairs {
        ours: data.m_h,
        reference: data.fe_h,
        in_training: data.in_training,
        bias: data.bias,
        scatter: data.scatter,
    };
    let look = Row {
        name: "open clusters",
        reference: "OCCAM [Fe/H] (dex)",
        ours: "M_H_AP (dex)",
        residual: "Δ[M/H] (dex)",
        range: RANGE,
        reach: 0.8,
        decimals: 2,
        published: Some((0.01, 0.1)),
        split: None,
        corner: Corner::TopLeft,
        none: "",
    };
    let residual = differences(data.m_h, data.fe_h);
    let axes = (Axis::new(look.reference, RANGE.0, RANGE.1), Axis::new(look.ours, OURS.0, OURS.1));
    sheet.panel(look.name, Rect::new(34.0, 12.0, 106.0, 144.0), axes, |frame| {
        members(frame, data);
        frame.note(Corner::TopLeft, &statistics(&pairs, &residual, &look));
    });
    distribution(sheet, Rect::new(166.0, 12.0, 70.0, 144.0), &pairs, &residual, &look);
}

fn members(frame: &mut Frame<'_>, data: &ClustersFigure<'_>) {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, name) in data.cluster.iter().enumerate() {
        groups.entry(name).or_default().push(i);
    }
    let mut groups: Vec<(&str, Vec<usize>)> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
    frame.line("one to one", &[RANGE.0, RANGE.1], &[RANGE.0, RANGE.1], Line::whole(INK, 0.7));
    let column =
        |rows: &[usize], values: &[f64]| rows.iter().map(|&i| values[i]).collect::<Vec<f64>>();
    let mut legend = Vec::new();
    for (i, (name, rows)) in groups.iter().enumerate() {
        let color = if i < NAMED { OKABE_ITO[i] } else { PALE };
        let dot = Dot::disc(color, 2.6);
        frame.dots(name, &column(rows, data.fe_h), &column(rows, data.m_h), dot);
        if i < NAMED {
            legend.push((Sample::Dot(dot), format!("{name} ({})", rows.len())));
        }
    }
    if groups.len() > NAMED {
        let rest: usize = groups[NAMED..].iter().map(|(_, rows)| rows.len()).sum();
        legend.push((Sample::Dot(Dot::disc(PALE, 2.6)), format!("others ({rest})")));
    }
    for (name, rows) in &groups {
        means(frame, name, &column(rows, data.fe_h), &column(rows, data.m_h));
    }
    frame.legend(Corner::BottomRight, &legend);
}

fn means(frame: &mut Frame<'_>, name: &str, x: &[f64], y: &[f64]) {
    let (Some((mean_x, _)), Some((mean_y, sd_y))) = (moments(x), moments(y)) else { return };
    let error = sd_y / (y.len() as f64).sqrt();
    let bar = Line::whole(INK, 0.7);
    frame.error_bars(
        &format!("error of the mean, {name}"),
        &[mean_x],
        (&[mean_y - error], &[mean_y + error]),
        bar,
    );
    let dot = Dot::disc(INK, 3.4).shape(Shape::Diamond);
    frame.dots(&format!("mean, {name}"), &[mean_x], &[mean_y], dot);
}
