//! The verb `claims`: published numbers beside the latest results.

use super::args::Cli;
use super::failure::{CLAIM_MISSED, Failure};
use super::past::Past;
use super::project::Planned;
use super::table::{number, table};
use super::talk::Talk;
use crate::engine::claims::{Status, Verdict};
use crate::engine::events::Silent;

/// Significant digits of a measured value.
const DIGITS: usize = 5;

/// Measures and shows all claims, or shows those of a past run.
pub fn claims(cli: &Cli, check: bool, run: Option<&str>, talk: &Talk) -> Result<u8, Failure> {
    if let Some(run) = run {
        return Ok(Past::open(&cli.common, run)?.claims(cli.common.json, check, talk));
    }
    let planned = Planned::open(&cli.common, talk)?;
    let verdicts = planned.project.engine(&Silent).claims(&planned.plan.done);
    tell(&verdicts, cli.common.json, talk);
    Ok(code(verdicts.iter().any(|v| v.status == Status::Miss), check))
}

/// Shows claims.
pub fn tell(verdicts: &[Verdict], json: bool, talk: &Talk) {
    if json {
        talk.json(&verdicts);
        return;
    }
    talk.out(&listing(verdicts));
    talk.note(&summary(verdicts));
}

/// The exit code.
pub fn code(missed: bool, check: bool) -> u8 {
    if check && missed { CLAIM_MISSED } else { 0 }
}

/// `claims: 3 PASS, 1 MISS, 2 N/A`.
pub fn summary(verdicts: &[Verdict]) -> String {
    let count = |status: Status| verdicts.iter().filter(|v| v.status == status).count();
    let injected = match count(Status::Injected) {
        0 => String::new(),
        n => format!("{n} INJECTED, "),
    };
    format!(
        "claims: {} PASS, {} MISS, {injected}{} N/A",
        count(Status::Pass),
        count(Status::Miss),
        count(Status::NotAvailable)
    )
}

/// The table at the end of a run, under a line that says what of it is simulated; empty without claims.
pub fn closing(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let title = match verdicts.iter().any(|v| v.status == Status::Injected) {
        true => {
            "claims on SIMULATED data (INJECTED: planted there, so that finding it checks the \
             program and not nature)"
        }
        false => "claims",
    };
    format!("\n{title}\n{}", listing(verdicts))
}

fn listing(verdicts: &[Verdict]) -> String {
    let rows = verdicts.iter().map(|verdict| {
        let [low, high] = verdict.accept;
        vec![
            verdict.id.clone(),
            verdict.status.to_string(),
            verdict.paper.clone(),
            format!("{low} to {high}"),
            verdict.value.map_or_else(|| "-".into(), |value| number(value, DIGITS)),
            verdict.n.map_or_else(|| "-".into(), |n| n.to_string()),
            verdict.section.clone(),
            match verdict.why.as_str() {
                "" => verdict.about.clone(),
                why => format!("{} ({why})", verdict.about),
            },
        ]
    });
    let header = ["ID", "STATUS", "PAPER", "ACCEPT", "VALUE", "N", "SECTION", "ABOUT"];
    table(&header, &["VALUE", "N"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(id: &str, status: Status, value: Option<f64>) -> Verdict {
        Verdict {
            id: id.into(),
            section: "§3.2".into(),
            about: "scatter".into(),
            paper: "71 K".into(),
            accept: [60.0, 80.0],
            value,
            interval: None,
            n: value.map(|_| 1407),
            status,
            sample: "all".into(),
            statistic: "median".into(),
            why: if value.is_none() { "dataset `x` is absent".into() } else { String::new() },
        }
    }

    #[test]
    fn every_claim_has_a_line_with_its_status() {
        let verdicts = [
            verdict("T1", Status::Pass, Some(71.234_567)),
            verdict("T2", Status::Miss, Some(123.0)),
            verdict("T3", Status::NotAvailable, None),
        ];
        let text = listing(&verdicts);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with("T1  PASS    71 K   60 to 80  71.235  1407  §3.2"), "{text}");
        assert!(lines[3].ends_with("scatter (dataset `x` is absent)"), "{text}");
        assert_eq!(summary(&verdicts), "claims: 1 PASS, 1 MISS, 1 N/A");
        assert_eq!(closing(&verdicts), format!("\nclaims\n{text}"));
        assert_eq!(closing(&[]), "");
        let planted = [verdict("T1", Status::Injected, Some(1.0))];
        assert!(closing(&planted).starts_with("\nclaims on SIMULATED data"));
    }
}
