//! The verb `gc`: removes from the store what no run that counts relies on.

use std::collections::BTreeSet;

use serde_json::json;

use super::args::{Cli, GcArgs};
use super::failure::Failure;
use super::past;
use super::project::Planned;
use super::table::{count, table};
use super::talk::Talk;
use crate::engine::gc::{Amount, OnTheWay, SweepOptions, Swept, sweep};

/// Sweeps the store.
pub fn gc(cli: &Cli, args: &GcArgs, talk: &Talk) -> Result<u8, Failure> {
    let (store, ledger) = past::open_store(&cli.common)?;
    let options = SweepOptions {
        keep_last: args.keep_last,
        max_bytes: args.max_size,
        dry_run: args.dry_run,
        on_the_way: if args.intermediate { Some(on_the_way(cli, talk)?) } else { None },
    };
    let swept = sweep(&store, &ledger, &options)?;
    if cli.common.json {
        talk.json(&json!({
            "dry_run": args.dry_run,
            "removed": swept.removed,
            "kept": swept.kept,
            "total": swept.total(),
            "roots": swept.roots,
            "in_progress": swept.in_progress,
            "over_bytes": swept.over_bytes,
        }));
        return Ok(0);
    }
    talk.out(&listing(&swept));
    let total = swept.total();
    let verb = if args.dry_run { "would remove" } else { "removed" };
    talk.note(&format!("{verb} {}, {}", count(total.files as usize, "file"), size(total.bytes)));
    talk.note(&format!("kept what {} rest on", count(swept.roots.len(), "run")));
    if swept.in_progress > 0 {
        let runs = count(swept.in_progress, "run");
        talk.note(&format!("kept the work of {runs} in progress or killed within a day"));
    }
    if swept.over_bytes > 0 {
        talk.note(&format!(
            "the store is still {} larger than asked for: the latest run, locked runs and runs in \
             progress are always kept",
            size(swept.over_bytes)
        ));
    }
    Ok(0)
}

/// The data of this profile's latest results that no published table is read from.
fn on_the_way(cli: &Cli, talk: &Talk) -> Result<OnTheWay, Failure> {
    let planned = Planned::of_records(&cli.common, talk)?;
    let mut way = OnTheWay::default();
    let mut kept = BTreeSet::new();
    for artifact in planned.plan.done.iter().flatten().flatten() {
        way.keys.insert(artifact.record.name);
        way.objects.extend(artifact.parts().iter().filter_map(|part| part.object));
    }
    for (_, node, output) in &planned.project.pipeline.publish {
        let Some(outputs) = &planned.plan.done[*node] else { continue };
        for column in &outputs[*output].schema.columns {
            outputs[*output].objects_of(&column.name, &mut kept)?;
        }
    }
    way.objects.retain(|object| !kept.contains(object));
    Ok(way)
}

fn listing(swept: &Swept) -> String {
    let kinds = swept.removed.keys().chain(swept.kept.keys());
    let mut kinds: Vec<&'static str> = kinds.copied().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of = |side: &std::collections::BTreeMap<&'static str, Amount>, kind: &str| {
        side.get(kind).copied().unwrap_or_default()
    };
    let rows = kinds.into_iter().map(|kind| {
        let (gone, left) = (of(&swept.removed, kind), of(&swept.kept, kind));
        let [gone_bytes, left_bytes] = [size(gone.bytes), size(left.bytes)];
        vec![
            kind.to_owned(),
            gone.files.to_string(),
            gone_bytes,
            left.files.to_string(),
            left_bytes,
        ]
    });
    let header = ["KIND", "REMOVED", "SIZE", "KEPT", "SIZE"];
    table(&header, &["REMOVED", "SIZE", "KEPT"], rows.collect())
}

/// Bytes for people, in powers of 1024.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            let digits = usize::from(unit != "B");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        let all = [0, 1023, 1024, 5 << 20, 3 << 40].map(size);
        assert_eq!(all, ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "3.0 TiB"]);
    }
}
