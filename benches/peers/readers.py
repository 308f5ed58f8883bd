"""Reads a simulated survey with astropy and h5py, and holds every value against what mdwarf read.

    mdwarf run --until report --set simulate.size=tiny
    python benches/peers/readers.py --mdwarf target/debug/mdwarf --set simulate.size=tiny

Needs numpy, pandas, pyarrow, astropy, h5py. Prints a line an archive; exits with 1 if a value differs.
"""

import argparse
import glob
import gzip
import io
import re
import subprocess
import sys
import tempfile
import tomllib
import warnings
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as parquet
from astropy.io import fits
from astropy.table import Table

warnings.filterwarnings("ignore")


def unpacked(path):
    raw = Path(path).read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def rows_of_isochrones(text):
    header = [line for line in text.splitlines() if line.startswith("#") and " Mini" in line][-1]
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return Table(np.array(rows, float), names=header[1:].split())


def tables(paths, form):
    for path in paths:
        raw = unpacked(path)
        if form == "fits-table":
            with fits.open(io.BytesIO(raw)) as hdus:
                hdus.verify("exception")
                yield Table(hdus[1].data)
        elif form == "csv":
            yield Table.read(raw.decode(), format="ascii.csv")
        elif form == "votable":
            yield Table.read(io.BytesIO(raw), format="votable")
        elif form == "parsec":
            yield rows_of_isochrones(raw.decode())
        else:
            sys.exit(f"no reader of {form} here")


def column(found, name):
    parts = []
    for table in found:
        values = table[name]
        if hasattr(values, "filled"):
            number = values.dtype.kind in "fiub" and values.mask.any()
            values = values.astype(float).filled(np.nan) if number else values.filled()
        parts.append(np.asarray(values))
    values = np.concatenate(parts)
    return np.char.decode(values) if values.dtype.kind == "S" else values


def differences(theirs, ours, sentinels):
    if theirs.dtype.kind in "fiub":
        theirs = theirs.astype(float)
        for sentinel in sentinels:
            theirs = np.where(np.isclose(theirs, sentinel, rtol=1e-6), np.nan, theirs)
        ours = np.array([np.nan if value is None else float(value) for value in ours])
        return int((~((theirs == ours) | (np.isnan(theirs) & np.isnan(ours)))).sum())
    missing = ("--", "N/A")
    theirs = ["" if text in missing else str(text).strip() for text in theirs]
    return sum(a != ("" if b is None else str(b).strip()) for a, b in zip(theirs, ours))


class Project:
    def __init__(self, arguments):
        self.root, self.program = arguments.project, arguments.mdwarf
        self.more = [word for text in arguments.set for word in ("--set", text)]
        self.folder = tempfile.TemporaryDirectory()
        self.run("unpack", self.folder.name)

    def run(self, *words):
        subprocess.run([self.program, "-C", self.root, *words, *self.more], check=True, stderr=subprocess.DEVNULL)

    def files(self, node):
        return sorted(glob.glob(f"{self.folder.name}/{node}/*"))

    def table(self, output):
        self.run("unpack", self.folder.name, output)
        (path,) = glob.glob(f"{self.folder.name}/{output.split('.')[0]}.*.parquet")
        return parquet.read_table(path)


def catalogs(project, pipeline, profile):
    wrong = 0
    for name, node in pipeline["node"].items():
        slot = profile["dataset"].get(node.get("dataset"), {}).get("simulated")
        if node["stage"] != "read_table" or not slot:
            continue
        found = list(tables(project.files(slot.split(".")[0]), node["format"]))
        ours = project.table(name)
        told = {c["name"]: c.get("from", c["name"]) for c in node["columns"] if c["name"] in ours.column_names}
        order = (np.arange(sum(map(len, found))), np.arange(len(ours)))
        if "id" in node:
            ids = column(found, told[node["id"]]), ours[node["id"]].to_numpy()
            order = tuple(np.argsort(values, kind="stable") for values in ids)
        bad = {}
        for here, there in told.items():
            values = [ours[here][int(row)].as_py() for row in order[1]]
            n = differences(column(found, there)[order[0]], values, node.get("sentinels", []))
            if n:
                bad[here] = n
        wrong += sum(bad.values()) + (len(ours) != sum(map(len, found)))
        print(f"{name:16s} {node['format']:10s} {len(ours):8d} rows, {len(told):2d} columns, differing values: {sum(bad.values())} {bad or ''}")
    return wrong


def spectra(project):
    ours = project.table("spectra")
    at = {obsid: row for row, obsid in enumerate(ours["obsid"].to_pylist())}
    wrong, seen = 0, set()
    for path in project.files("simulated_spectra"):
        with fits.open(path) as hdus:
            hdus.verify("exception")
            obsid, data = int(hdus[0].header["OBSID"]), hdus[0].data.astype(float)
        if obsid in seen or obsid not in at:
            continue
        seen.add(obsid)
        for row, name in enumerate(["flux", "ivar", "wave_angstrom"]):
            values = np.array(ours[name][at[obsid]].as_py(), float)
            wrong += not np.array_equal(values, data[row], equal_nan=True)
    print(f"{'spectra':16s} {'lamost-lrs':10s} {len(seen):8d} of {len(ours)} spectra, differing arrays: {wrong}")
    return wrong + (len(seen) != len(ours))


def models(project):
    ours = project.table("bt_original")
    labels = zip(*(ours[name].to_pylist() for name in ("Teff", "logg", "M_H")))
    at = {tuple(round(value, 2) for value in node): row for row, node in enumerate(labels)}
    wrong = seen = 0
    for path in project.files("simulated_btsettl"):
        words = re.search(r"lte([\d.]+)-([\d.]+)([+-][\d.]+)a", Path(path).name)
        if not words:
            continue
        row = at.get((round(float(words[1]) * 100, 2), float(words[2]), float(words[3]) + 0.0))
        if row is None:
            continue
        lines = unpacked(path).decode().replace("D", "E").splitlines()
        data = np.array([line.split()[:2] for line in lines if not line.startswith("#")], float)
        data = data[np.argsort(data[:, 0], kind="stable")]
        seen += 1
        wave, flux = (np.array(ours[name][row].as_py()) for name in ("wave_angstrom", "flux"))
        wrong += not (np.allclose(wave, data[:, 0], rtol=1e-12, atol=0) and np.allclose(flux, 10 ** (data[:, 1] - 8), rtol=1e-9, atol=0))
    print(f"{'bt_original':16s} {'bt-settl':10s} {seen:8d} of {len(ours)} models, differing: {wrong}")
    return wrong + (seen != len(ours))


def dust(project):
    wrong = 0
    for path in project.files("simulated_dust"):
        with h5py.File(path) as file:
            edges = file["pixel_info"].attrs["DM_bin_edges"]
            best, samples = file["best_fit"][:], file["samples"][:]
            sound = np.isfinite(best).all() and np.isfinite(samples).all() and best.shape[1] == len(edges)
            sound &= len(file["pixel_info"]) == len(best) and (np.diff(best, axis=1) > -1e-6).all()
            wrong += not sound
            print(f"{'dust':16s} {'hdf5':10s} {len(best):8d} pixels, {best.shape[1]} distances, sound: {bool(sound)}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mdwarf", default="mdwarf")
    parser.add_argument("--project", default=".")
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    root = Path(arguments.project)
    pipeline = tomllib.loads((root / "pipeline.toml").read_text())
    profile = tomllib.loads((root / "profiles/simulated.toml").read_text())
    project = Project(arguments)
    wrong = catalogs(project, pipeline, profile) + spectra(project) + models(project) + dust(project)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
