//! Reading against numbers taken with astropy, and round trips.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, StringArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int16Type, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use fits_well::FitsWriter;
use fits_well::table::{Builder, ColumnData, WriteColumn};

use super::*;
use crate::formats::gzip::packed;
use crate::formats::meaning::{DESCRIPTION, UCD, UNIT, entry, with_meaning};

fn shared(name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("MDWARF_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let bytes = std::fs::read(root.join("data").join(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: fits_table needs ../shared/data/{name}");
    }
    bytes
}

fn every_type() -> RecordBatch {
    let rows = [[1.0, 2.0], [f32::MIN_POSITIVE, -0.0], [3.0, 4.5]];
    let rows = rows.map(|row| Some(row.map(Some)));
    let vectors = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(rows, 2);
    let ids = vec![Some(i64::MIN), None, Some(3)];
    let columns: [(&str, ArrayRef); 9] = [
        ("ra_deg", Arc::new(Float64Array::from(vec![1.5, -2.25, 0.1]))),
        ("teff", Arc::new(Float32Array::from(vec![3500.0, 0.1, 1e30]))),
        ("id", Arc::new(Int64Array::from(ids))),
        ("n", Arc::new(Int32Array::from(vec![None, Some(7), Some(-7)]))),
        ("flag", Arc::new(Int16Array::from(vec![1, 2, 3]))),
        ("byte", Arc::new(UInt8Array::from(vec![Some(0), Some(255), None]))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("name", Arc::new(StringArray::from(vec![Some("GJ 1"), None, Some("")]))),
        ("wave", Arc::new(vectors)),
    ];
    let fields = columns.each_ref().map(|(name, array)| field(name, array.data_type().clone()));
    let arrays = columns.map(|(_, array)| array);
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), arrays.to_vec()).unwrap()
}

fn field(name: &str, kind: DataType) -> Field {
    let field = Field::new(name, kind, true);
    match name {
        "ra_deg" => {
            with_meaning(field, Some("deg"), Some("pos.eq.ra;meta.main"), Some("right ascension"))
        }
        "teff" => {
            with_meaning(field, Some("K"), None, Some(&"effective temperature ± error, ".repeat(6)))
        }
        _ => field,
    }
}

#[test]
fn what_is_written_reads_back() {
    let batch = every_type();
    let bytes = write_table(&batch, "CATALOG").unwrap();
    assert_eq!(bytes, write_table(&batch, "CATALOG").unwrap());
    assert_eq!(bytes.len() % 2880, 0);
    for bytes in [bytes.clone(), packed(&bytes)] {
        let again = read_table(&bytes, Some("catalog"), None).unwrap();
        for (index, name) in batch.schema().fields().iter().enumerate() {
            assert_eq!(again.column(index), batch.column(index), "{name}");
        }
        let schema = again.schema();
        assert_eq!(entry(schema.field(0), UNIT), Some("deg"));
        assert_eq!(entry(schema.field(0), UCD), Some("pos.eq.ra;meta.main"));
        assert_eq!(entry(schema.field(0), DESCRIPTION), Some("right ascension"));
        let long = entry(schema.field(1), DESCRIPTION).unwrap();
        assert_eq!(long, "effective temperature +- error, ".repeat(6).trim());
        assert_eq!(entry(schema.field(2), UNIT), None);
    }
}

#[test]
fn null_reals_become_nan_and_other_integers_widen() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("x", Arc::new(Float64Array::from(vec![Some(1.0), None]))),
        ("i8", Arc::new(Int8Array::from(vec![Some(-128), None]))),
        ("u16", Arc::new(UInt16Array::from(vec![65_535, 0]))),
        ("u32", Arc::new(UInt32Array::from(vec![u32::MAX, 0]))),
        ("u64", Arc::new(UInt64Array::from(vec![Some(1 << 62), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let again = read_table(&write_table(&batch, "T").unwrap(), None, None).unwrap();
    assert!(again.column(0).as_primitive::<Float64Type>().value(1).is_nan());
    assert_eq!(again.column(0).null_count(), 0);
    assert_eq!(again.column(1).as_primitive::<Int16Type>().value(0), -128);
    assert!(again.column(1).is_null(1) && again.column(4).is_null(1));
    assert_eq!(again.column(3).as_primitive::<Int64Type>().value(0), i64::from(u32::MAX));
    assert_eq!(again.column(4).as_primitive::<Int64Type>().value(0), 1 << 62);
}

#[test]
fn empty_and_sliced_tables() {
    let batch = every_type();
    let empty = read_table(&write_table(&batch.slice(0, 0), "T").unwrap(), None, None).unwrap();
    assert_eq!((empty.num_rows(), empty.num_columns()), (0, 9));
    let last = read_table(&write_table(&batch.slice(2, 1), "T").unwrap(), None, None).unwrap();
    for index in 0..9 {
        assert_eq!(last.column(index).as_ref(), batch.column(index).slice(2, 1).as_ref());
    }
}

#[test]
fn what_has_no_form_is_named() {
    let unwritable = |array: ArrayRef| {
        let batch = RecordBatch::try_from_iter([("x", array)]).unwrap();
        let error = write_table(&batch, "T").unwrap_err();
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    let text = unwritable(Arc::new(StringArray::from(vec!["a", "α Cen"])));
    assert!(text.contains("column `x`") && text.contains("row 1"), "{text}");
    assert!(unwritable(Arc::new(UInt64Array::from(vec![u64::MAX]))).contains("do not fit Int64"));
    let mut full: Vec<Option<u8>> = (0..=255).map(Some).collect();
    full.push(None);
    assert!(unwritable(Arc::new(UInt8Array::from(full))).contains("none is left for null"));
    let all = unwritable(Arc::new(arrow::array::NullArray::new(1)));
    assert!(all.contains("type Null"), "{all}");
}

/// A table as other software writes it: scaled, unsigned, with null and with bits.
fn foreign() -> Vec<u8> {
    let mut table = Builder::new();
    let unsigned = ColumnData::I16(vec![i16::MIN, 0, i16::MAX]);
    table
        .push(WriteColumn::scalar("U", unsigned).with_scaling(1.0, 32768.0))
        .and_then(|table| {
            let scaled = ColumnData::I32(vec![10, -99, 30]);
            table.push(WriteColumn::scalar("S", scaled).with_scaling(0.5, 1.0).with_null(-99))
        })
        .and_then(|table| {
            let bytes = ColumnData::U8(vec![0, 128, 255]);
            table.push(WriteColumn::scalar("B", bytes).with_scaling(1.0, -128.0))
        })
        .and_then(|table| table.push(WriteColumn::characters("T", ["  a ", "\0xy", "b\0z"], 4)?))
        .unwrap();
    let mut writer = FitsWriter::new(Vec::new());
    writer.write_table(&table, None).unwrap();
    writer.into_inner()
}

#[test]
fn scaling_unsigned_and_text_conventions() {
    let batch = read_table(&foreign(), None, None).unwrap();
    assert_eq!(batch.column(0).as_ref(), &UInt16Array::from(vec![0, 32768, 65535]) as &dyn Array);
    let scaled = Float64Array::from(vec![Some(6.0), None, Some(16.0)]);
    assert_eq!(batch.column(1).as_ref(), &scaled as &dyn Array);
    assert_eq!(batch.column(2).as_ref(), &Int8Array::from(vec![-128, 0, 127]) as &dyn Array);
    let texts = StringArray::from(vec![Some("a"), None, Some("b")]);
    assert_eq!(batch.column(3).as_ref(), &texts as &dyn Array);
}

#[test]
fn columns_are_chosen_and_missing_ones_named() {
    let bytes = foreign();
    let batch = read_table(&bytes, None, Some(&["t", "U"])).unwrap();
    assert_eq!(batch.schema().field(0).name(), "t");
    assert_eq!(batch.num_columns(), 2);
    let error = read_table(&bytes, None, Some(&["TEFF"])).unwrap_err();
    assert_eq!(error.to_string(), "no column `TEFF` in HDU 1; it has U, S, B, T");
    let error = read_table(&bytes, Some("X"), None).unwrap_err().to_string();
    assert!(error.starts_with("no binary table `X`; the HDUs are 0 Primary"), "{error}");
}

#[test]
fn damaged_files_are_errors_and_never_panic() {
    assert!(matches!(read_table(b"", None, None), Err(FitsTableError::Structure { .. })));
    assert!(matches!(read_table(b"a,b\n1,2\n", None, None), Err(FitsTableError::Structure { .. })));
    let bytes = write_table(&every_type(), "T").unwrap();
    let cut = read_table(&bytes[..bytes.len() - 2880], None, None).unwrap_err().to_string();
    assert!(cut.contains("HDU 1"), "{cut}");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut mutated = bytes.clone();
    for _ in 0..4000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = (seed >> 33) as usize % bytes.len();
        let old = mutated[place];
        mutated[place] = (seed >> 20) as u8;
        let _ = read_table(&mutated, None, None);
        // Two in three defects stay, so that they meet each other.
        if seed.is_multiple_of(3) {
            mutated[place] = old;
        }
        if seed.is_multiple_of(41) {
            mutated.clone_from(&bytes);
        }
    }
}

fn mann_x_apogee() -> Option<RecordBatch> {
    let bytes = shared("b20/mann_x_apogee_x_gaia.fits.gz")?;
    Some(read_table(&bytes, None, None).unwrap())
}

#[test]
fn values_of_a_real_table_agree_with_astropy() {
    let Some(batch) = mann_x_apogee() else { return };
    assert_eq!((batch.num_rows(), batch.num_columns()), (73, 325));
    let column = |name: &str| batch.column_by_name(name).unwrap().clone();
    let first = &column("source_id").as_primitive::<Int64Type>().values()[..2].to_vec();
    assert_eq!(first, &[385334230892516480, 76868614540049408]);
    let apogee_ids = column("APOGEE_ID_1");
    assert_eq!(apogee_ids.as_string::<i32>().value(0), "2M00182256+4401222");
    let teff = column("TEFF_2");
    let teff: f64 = teff.as_primitive::<Float64Type>().values().iter().sum();
    assert!((teff - -231_791.492_9).abs() < 1e-6, "{teff}");
    assert_eq!(column("duplicated_source").as_boolean().true_count(), 12);
    let nulls = ["priam_flags", "flame_flags", "teff_val"].map(|name| column(name).null_count());
    assert_eq!(nulls, [1, 57, 0]);
    let teff_val = column("teff_val");
    let teff_val = teff_val.as_primitive::<Float32Type>().values().iter();
    assert_eq!(teff_val.filter(|teff| teff.is_nan()).count(), 1);
}

#[test]
fn meanings_of_a_real_table_are_kept() {
    let Some(batch) = mann_x_apogee() else { return };
    let schema = batch.schema();
    assert_eq!(entry(schema.field_with_name("parallax").unwrap(), UNIT), Some("mas"));
    let separation = schema.field_with_name("Separation").unwrap();
    assert_eq!(entry(separation, UNIT), Some("arcsec"));
    assert_eq!(entry(separation, UCD), Some("pos.angDistance"));
    assert!(entry(separation, DESCRIPTION).unwrap().starts_with("Distance between"));
}

#[test]
fn occam_tables_agree_with_astropy() {
    let Some(bytes) = shared("occam/occam_member-DR16.fits") else {
        return;
    };
    let columns = ["CLUSTER", "APOGEE_ID", "LOCATION_ID", "FE_H"];
    let batch = read_table(&bytes, None, Some(&columns)).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (10_063, 4));
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "ASCC 116");
    assert_eq!(batch.column(1).as_string::<i32>().value(10_062), "2M11502236-6208567");
    let location: i64 = batch.column(2).as_primitive::<Int64Type>().values().iter().sum();
    assert_eq!(location, 49_641_243);
    let metallicity: f64 = batch.column(3).as_primitive::<Float64Type>().values().iter().sum();
    assert!((metallicity - -21_201_233.32).abs() < 1e-3, "{metallicity}");
    let Some(bytes) = shared("occam/occam_cluster-DR16.fits") else {
        return;
    };
    let batch = read_table(&bytes, None, None).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (126, 57));
    assert_eq!(batch.column_by_name("NAME").unwrap().as_string::<i32>().value(125), "VVV_CL006");
}

/// Not a check by itself: leaves files for astropy where MDWARF_FITS_OUT says.
#[test]
fn write_for_astropy() {
    let Some(folder) = std::env::var_os("MDWARF_FITS_OUT").map(PathBuf::from) else {
        return;
    };
    let batch = every_type();
    std::fs::write(folder.join("every_type.fits"), write_table(&batch, "CATALOG").unwrap())
        .unwrap();
    let footer = [("paper", "ApJS 253, 45")];
    let parquet = crate::formats::parquet_out::write_parquet(&batch, &footer).unwrap();
    std::fs::write(folder.join("every_type.parquet"), parquet).unwrap();
}
