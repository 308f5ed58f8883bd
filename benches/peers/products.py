"""Reads the published catalog with independent readers and holds their values against each other.

    python3 benches/peers/products.py results/simulated

Needed: astropy, polars. Where `stilts` is on the path, its readers and `votlint` are asked too. The exit code is 1 if
a value, a missing value, a unit or a UCD differs, or if a document is not valid.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import polars as pl
from astropy import units as u
from astropy.io import ascii, fits, votable
from astropy.table import Table

WRONG = []


def wrong(text):
    WRONG.append(text)
    print("WRONG", text)


def plain(values):
    """Values and the mask of what is missing; NaN is missing."""
    array = np.ma.asarray(values)
    mask = np.ma.getmaskarray(array).copy()
    data = np.asarray(array.data)
    if data.dtype.kind == "f":
        mask |= np.isnan(data)
    if data.dtype.kind in "SUO":
        data = np.array([v.decode() if isinstance(v, bytes) else ("" if v is None else str(v)) for v in data])
        data = np.char.strip(data)
        mask |= data == ""
    return data, mask


def of_polars(frame):
    table = {}
    for name in frame.columns:
        column = frame[name]
        mask = column.is_null().to_numpy()
        kind = column.dtype
        if kind == pl.String:
            data = np.array([v or "" for v in column.to_list()])
        elif kind == pl.Boolean:
            data = column.fill_null(False).to_numpy()
        else:
            data = column.fill_null(0).to_numpy()
        table[name] = plain(np.ma.MaskedArray(data, mask))
    return table


def of_astropy(table):
    return {name: plain(np.ma.asarray(table[name])) for name in table.colnames}


def compare(label, want, got, within=None):
    """Holds a reader's table against the first one; `within`: half a unit of the last decimal, by column."""
    if list(want) != list(got):
        return wrong(f"{label}: columns {sorted(set(want) ^ set(got))}, or their order")
    worst, missing = 0.0, 0
    for name in want:
        (a, no_a), (b, no_b) = want[name], got[name]
        if len(a) != len(b):
            return wrong(f"{label}: {len(b)} rows, not {len(a)}")
        if not np.array_equal(no_a, no_b):
            wrong(f"{label}: `{name}`: {np.sum(no_a != no_b)} values are missing in one only")
            continue
        missing += int(no_a.sum())
        there = ~no_a
        if a.dtype.kind in "US":
            same = a[there].astype(str) == b[there].astype(str)
        elif within is not None and a.dtype.kind == "f":
            off = np.abs(a[there].astype(float) - b[there].astype(float))
            worst = max(worst, float(np.max(off / within[name], initial=0)))
            same = off <= within[name] * (1 + 1e-9)
        else:
            same = a[there] == b[there].astype(a.dtype)
        if not np.all(same):
            wrong(f"{label}: `{name}`: {np.sum(~same)} values differ")
    rounding = f"; rounded by at most {worst:.2f} of half a last decimal" if within else ""
    print(f"{label}: {len(want)} columns of {len(next(iter(want.values()))[0])} rows, {missing} missing{rounding}")


def half_decimals(readme):
    """Half a unit of the last decimal of the columns of reals."""
    found = {}
    for line in readme.read_text().splitlines():
        match = re.match(r"\s*(?:\d+-)?\s*\d+\s+([AIF]\d+)(?:\.(\d+))?\s+\S+\s+(\S+)", line)
        if match:
            found[match[3]] = 0.5 * 10.0 ** -int(match[2] or 0)
    return found


def stilts(folder, name, kind):
    """The table as STILTS reads it, through FITS."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        command = ["stilts", "tpipe", f"ifmt={kind}", f"in={folder / name}", "ofmt=csv", f"out={out.name}"]
        subprocess.run(command, check=True)
        return pl.read_csv(out.name, infer_schema_length=None)


def like(frame, model):
    """Columns of text as the types of another frame."""
    logical = {"true": True, "false": False, "T": True, "F": False}
    columns = []
    for name in frame.columns:
        kind, column = model[name].dtype, frame[name]
        if kind == pl.Boolean and column.dtype == pl.String:
            column = column.replace_strict(logical, default=None, return_dtype=pl.Boolean)
        elif column.dtype == pl.String and kind.is_numeric():
            column = column.replace("", None).cast(kind)
        elif kind == pl.String:
            column = column.cast(pl.String)
        columns.append(column.cast(kind).alias(name))
    return pl.DataFrame(columns)


def meanings(folder):
    """Units, UCDs and descriptions of FITS and VOTable agree and are known to the standards."""
    document = votable.parse(str(folder / "catalog.vot"))
    table = document.get_first_table()
    header = fits.getheader(folder / "catalog.fits", 1)
    for at, field in enumerate(table.fields, 1):
        ucd, unit = header.get(f"TUCD{at}"), header.get(f"TUNIT{at}")
        if (field.ucd or None) != (ucd or None):
            wrong(f"`{field.name}`: UCD {field.ucd} in VOTable, {ucd} in FITS")
        if str(field.unit or "").strip("'") not in (unit or "", str(u.Unit(unit or ""))):
            wrong(f"`{field.name}`: unit {field.unit} in VOTable, {unit} in FITS")
        if not field.description:
            wrong(f"`{field.name}` has no description")
    infos = {info.name: info.value for info in document.resources[0].infos}
    content = {infos.get("content"), header.get("CONTENT")}
    if len(content) != 1 or None in content:
        wrong(f"digests of the content differ: {content}")
    print(f"meanings: {len(table.fields)} fields, content {content.pop()}")


def main(folder):
    warnings.simplefilter("ignore")
    parquet = pl.read_parquet(folder / "catalog.parquet")
    want = of_polars(parquet)
    print(f"polars, Parquet: {parquet.width} columns of {parquet.height} rows")
    compare("polars, CSV", want, of_polars(like(pl.read_csv(folder / "catalog.csv", infer_schema_length=None), parquet)))
    compare("astropy, FITS", want, of_astropy(Table.read(folder / "catalog.fits")))
    compare("astropy, VOTable", want, of_astropy(votable.parse_single_table(folder / "catalog.vot").to_table(use_names_over_ids=True)))
    cds = ascii.read(str(folder / "cds" / "catalog.dat"), format="cds", readme=str(folder / "cds" / "ReadMe"))
    compare("astropy, table of CDS", want, of_astropy(cds), half_decimals(folder / "cds" / "ReadMe"))
    meanings(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        said = io.StringIO()
        valid = votable.validate(str(folder / "catalog.vot"), output=said)
    print(f"astropy's validate: {'valid' if valid else said.getvalue().strip()}")
    if not valid:
        wrong("the VOTable is not valid")
    if not shutil.which("stilts"):
        return print("stilts: not on the path, not asked")
    for name, kind in [("catalog.fits", "fits"), ("catalog.vot", "votable"), ("catalog.csv", "csv")]:
        compare(f"STILTS, {name}", want, of_polars(like(stilts(folder, name, kind), parquet)))
    said = subprocess.run(["stilts", "votlint", f"votable={folder / 'catalog.vot'}"], capture_output=True, text=True)
    lines = [line for line in (said.stdout + said.stderr).splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    print(f"STILTS' votlint: {len(errors)} errors, {len(lines) - len(errors)} other lines")
    for line in lines[:20]:
        print("   ", line)
    if errors or said.returncode:
        wrong("votlint finds errors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.exit(1 if WRONG else 0)
