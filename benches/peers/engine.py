#!/usr/bin/env python3
"""The engine's overhead beside make, ninja, and where they install Snakemake and DVC, in one run.

Usage: cargo build && benches/peers/engine.py [--shards 1000] [--venv DIR]

Makes a pipeline of two nodes in N shards, runs it, then measures in CPU seconds (user + system, children
included; the median of seven): a null run, a plan, and what a first run costs a shard beyond the work itself.
The peers get the same number of targets, each of which copies a small file. With --venv, Snakemake and DVC
are installed there from PyPI.
"""
import argparse, os, pathlib, resource, shutil, statistics, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MDWARF = ROOT / "target/debug/mdwarf"

PIPELINE = """
[pipeline]
name = "overhead"
seed = 1

[dataset.stars]
about = "numbers"

[node.stars]
stage = "read_table"
section = "-"
dataset = "stars"
format = "csv"
id = "star"
buckets = {shards}
columns = [{{ name = "star", type = "i64" }}, {{ name = "x", type = "f64" }}]

[node.squared]
stage = "derive"
section = "-"
in = {{ rows = "stars" }}
columns = [{{ name = "y", expr = "x * x", about = "square" }}]

[node.kept]
stage = "cuts"
section = "-"
in = {{ stars = "squared" }}
id = "star"
criteria = [["y", "y > 0.25"]]
"""

PROFILE = """
[profile]
name = "simulated"
about = "numbers"
[dataset.stars]
path = "stars.csv"
"""


def cpu(command, cwd, env=None):
    """CPU and wall seconds of a command, children included."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command} failed: {done.stderr.decode()[-2000:]}")
    used = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return used, wall


def median(command, cwd, env=None, times=7):
    return statistics.median(cpu(command, cwd, env)[0] for _ in range(times))


def project(folder, shards):
    (folder / "profiles").mkdir(parents=True)
    (folder / "pipeline.toml").write_text(PIPELINE.format(shards=shards))
    (folder / "profiles/simulated.toml").write_text(PROFILE)
    rows = "".join(f"{i},{(i * 7919 % 1000) / 1000}\n" for i in range(20 * 1000))
    (folder / "stars.csv").write_text("star,x\n" + rows)


def engine(base, shards):
    one, many = base / "one", base / "many"
    project(one, 1)
    project(many, shards)
    run = [MDWARF, "run", "--json", "-j", "1"]
    # The same 20,000 rows in one shard and in N: the difference is the shards' own cost, for three nodes.
    first_one, _ = cpu(run, one)
    first_many, wall = cpu(run, many)
    print(f"mdwarf first run, {shards} shards: {first_many:.3f} s CPU, {wall:.2f} s wall")
    print(f"mdwarf overhead a shard (2 sharded nodes and the buckets of a third): "
          f"{1e3 * (first_many - first_one) / (2 * shards):.3f} ms CPU")
    null = median(run, many)
    plan = median([MDWARF, "plan", "--json"], many)
    print(f"mdwarf null run, {shards} shards: {1e3 * null:.1f} ms; plan: {1e3 * plan:.1f} ms")
    return null


def makefiles(base, shards):
    folder = base / "make"
    (folder / "in").mkdir(parents=True)
    (folder / "out").mkdir()
    for i in range(shards):
        (folder / f"in/{i}").write_text(str(i))
    outs = " ".join(f"out/{i}" for i in range(shards))
    (folder / "Makefile").write_text(f"all: {outs}\nout/%: in/%\n\tcp $< $@\n")
    ninja = "rule cp\n  command = cp $in $out\n" + "".join(
        f"build out/{i}: cp in/{i}\n" for i in range(shards))
    (folder / "build.ninja").write_text(ninja)
    (folder / "Snakefile").write_text(
        f"rule all:\n    input: expand('out/{{i}}', i=range({shards}))\n"
        "rule cp:\n    input: 'in/{i}'\n    output: 'out/{i}'\n    shell: 'cp {input} {output}'\n")
    return folder


def peer(name, command, folder, null, times=5):
    if shutil.which(str(command[0])) is None:
        print(f"{name}: not installed")
        return
    first, _ = cpu(command, folder)
    used = median(command, folder, times=times)
    print(f"{name}: first run {first:.2f} s, null run {1e3 * used:.1f} ms CPU, {used / null:.2f} times mdwarf's")
    shutil.rmtree(folder / "out")
    (folder / "out").mkdir()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--venv", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = pathlib.Path(scratch)
        null = engine(base, options.shards)
        folder = makefiles(base, options.shards)
        peer("make", ["make", "-s"], folder, null)
        peer("ninja", ["ninja", "--quiet"], folder, null)
        if options.venv:
            if not options.venv.exists():
                subprocess.run([sys.executable, "-m", "venv", options.venv], check=True)
                subprocess.run([options.venv / "bin/pip", "install", "-q", "snakemake", "dvc", "ninja"], check=True)
            peer("ninja (PyPI)", [options.venv / "bin/ninja", "--quiet"], folder, null)
            peer("snakemake", [options.venv / "bin/snakemake", "-q", "all", "-c1"], folder, null, times=3)


if __name__ == "__main__":
    main()
