//! A table of an archive held against what its profile says: units, values, identity of rows.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::row::{RowConverter, SortField};

use crate::engine::spec::{Archive, ArchiveColumn};
use crate::formats::meaning::{UNIT, entry};

/// All that is wrong with a table.
pub fn of_table(table: &RecordBatch, archive: &Archive) -> Vec<String> {
    let mut faults = Vec::new();
    if table.num_rows() == 0 {
        faults.push("the table has no rows".to_owned());
    }
    for column in &archive.columns {
        let Some(values) = table.column_by_name(&column.name) else { continue };
        faults.extend(unit_fault(table, column));
        faults.extend(value_faults(values, column));
    }
    for set in &archive.unique {
        faults.extend(twice(table, set));
    }
    faults
}

fn unit_fault(table: &RecordBatch, column: &ArchiveColumn) -> Option<String> {
    let schema = table.schema();
    let found = entry(schema.field_with_name(&column.name).ok()?, UNIT)?.to_owned();
    let same = plain_unit(&found) == plain_unit(&column.unit);
    (!same).then(|| match column.unit.as_str() {
        "" => format!("column `{}` is in `{found}`, not without unit", column.name),
        unit => format!("column `{}` is in `{found}`, not in `{unit}`", column.name),
    })
}

/// One spelling for `mas.yr**-1`, `mas yr^-1`, `mas yr-1` and `mas/yr`, `degrees` and `deg`, `Angstrom` and `AA`.
fn plain_unit(unit: &str) -> String {
    let unit = unit.trim().trim_matches(['[', ']']).replace("**", "").replace('^', "");
    let mut above = Vec::new();
    let mut below = Vec::new();
    for (at, part) in unit.split('/').enumerate() {
        for word in part.split(['.', ' ', '*']).filter(|word| !word.is_empty()) {
            let word = word.trim_matches(['(', ')', '\'']);
            match word.strip_suffix("-1") {
                Some(word) => below.push(plain_word(word)),
                None if at > 0 => below.push(plain_word(word)),
                None => above.push(plain_word(word)),
            }
        }
    }
    above.sort();
    below.sort();
    match below.is_empty() {
        true => above.join(" "),
        false => format!("{}/{}", above.join(" "), below.join(" ")),
    }
}

fn plain_word(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "degree" | "degrees" | "degr" => "deg".into(),
        "kelvin" | "degk" => "k".into(),
        "angstroms" | "aa" | "0.1nm" => "angstrom".into(),
        "year" | "years" | "a" => "yr".into(),
        "day" | "days" => "d".into(),
        "second" | "seconds" | "sec" => "s".into(),
        "parsec" => "pc".into(),
        "solmass" => "msun".into(),
        "none" | "---" | "-" | "dimensionless" => String::new(),
        other => other.to_owned(),
    }
}

/// Values outside of the range, and those that should be there.
fn value_faults(values: &ArrayRef, column: &ArchiveColumn) -> Vec<String> {
    let name = &column.name;
    let total = values.len();
    let Some(numbers) = numbers(values) else {
        if column.range.is_some() {
            return vec![format!("column `{name}` holds {}, not numbers", values.data_type())];
        }
        return missing_fault(values.null_count(), total, column);
    };
    let (mut missing, mut outside, mut first) = (0, 0, None);
    for (row, value) in numbers.iter().enumerate() {
        match value.filter(|value| !value.is_nan() && !column.sentinels.contains(value)) {
            None => missing += 1,
            Some(value) => {
                if column.range.is_some_and(|(least, most)| !(least..=most).contains(&value)) {
                    outside += 1;
                    first.get_or_insert((row, value));
                }
            }
        }
    }
    let mut faults = missing_fault(missing, total, column);
    if let (Some((row, value)), Some((least, most))) = (first, column.range) {
        faults.push(format!(
            "column `{name}`: {outside} of {total} values outside of {least} to {most}, the first \
             is {value} in row {row}"
        ));
    }
    faults
}

fn missing_fault(missing: usize, total: usize, column: &ArchiveColumn) -> Vec<String> {
    if missing == 0 || column.optional {
        return Vec::new();
    }
    vec![format!("column `{}`: {missing} of {total} values are missing", column.name)]
}

/// The values as numbers; `None` for a column of texts or vectors.
fn numbers(values: &ArrayRef) -> Option<arrow::array::Float64Array> {
    if !values.data_type().is_numeric() {
        return None;
    }
    let numbers = cast(values, &DataType::Float64).ok()?;
    Some(numbers.as_primitive::<Float64Type>().clone())
}

/// Rows that the columns of `set` do not tell apart.
fn twice(table: &RecordBatch, set: &[String]) -> Option<String> {
    let columns: Vec<ArrayRef> =
        set.iter().map(|name| table.column_by_name(name).cloned()).collect::<Option<_>>()?;
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields).ok()?.convert_columns(&columns).ok()?;
    let mut met: HashMap<Vec<u8>, usize> = HashMap::with_capacity(table.num_rows());
    let (mut repeated, mut first) = (0, None);
    for (row, value) in rows.iter().enumerate() {
        match met.entry(value.as_ref().to_vec()) {
            std::collections::hash_map::Entry::Occupied(entry) => {
                repeated += 1;
                first.get_or_insert((*entry.get(), row));
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(row);
            }
        }
    }
    let (a, b) = first?;
    Some(format!(
        "({}) does not identify a row: {repeated} of {} repeat another one, the first are rows {a} \
         and {b}",
        set.join(", "),
        table.num_rows()
    ))
}

#[cfg(test)]
mod tests {
    use super::plain_unit;

    #[test]
    fn spellings_of_a_unit_are_one() {
        for spelling in ["mas.yr**-1", "mas/yr", "mas yr-1", "mas yr^-1", "mas.year**-1"] {
            assert_eq!(plain_unit(spelling), "mas/yr", "{spelling}");
        }
        assert_eq!(plain_unit("degrees"), plain_unit("deg"));
        assert_eq!(plain_unit("km s**-1"), plain_unit("km/s"));
        assert_eq!(plain_unit("'electron'.s**-1"), plain_unit("electron/s"));
        assert_eq!(plain_unit("---"), "");
        assert_ne!(plain_unit("mas"), plain_unit("arcsec"));
    }
}
