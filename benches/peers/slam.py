#!/usr/bin/env python3
"""Training of SLAM's pixels beside libsvm (scikit-learn), on the same problems in the same run, in CPU seconds.

Usage: benches/peers/slam.py [--venv DIR] [--set DIR]... [--whole-grid]

Builds and runs `benches/slam.rs` with --peers, which writes the problems and prints its own CPU times; installs
scikit-learn into DIR (made where it is missing) and times libsvm at its customary tolerance 1e-3. One thread each. A
fit is the mean of all pixels of a set (eight where it is made up), ours at libsvm's tolerance and at 1e-6; ours shares
what it prepares, which is printed beside. The wide grid (42 cells, ten folds) is the mean of the first four pixels;
libsvm runs one fold of each cell unless --whole-grid is given, and ten times that is taken. A set of one's own is a
folder of `labels.npy`, (n_train, n_label), and `targets.npy`, (n_pixel, n_train), f64 and scaled.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

LIBSVM = r"""
import json, sys, time
import numpy as np
from sklearn.svm import SVR

folder, ours, whole = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3] == "True"


def seconds(x, y, hyper):
    c, gamma, epsilon = hyper
    start = time.process_time()
    SVR(C=c, gamma=gamma, epsilon=epsilon, tol=1e-3, cache_size=1000).fit(x, y)
    return time.process_time() - start


N_GRID = 4
found = {}
for name, our in ours.items():
    x, targets = np.load(f"{folder}/{name}_labels.npy"), np.load(f"{folder}/{name}_targets.npy")
    fit = np.mean([seconds(x, y, our["hyper"]) for y in targets])
    fold = np.random.default_rng(1).permutation(len(x)) % 10
    grid = 0.0
    for held_out in range(10 if whole else 1):
        kept = fold != held_out
        for c in 2.0 ** np.arange(-2, 5):
            for epsilon in (0.05, 0.1):
                for gamma in (0.1, 1 / 3, 1.0):
                    grid += sum(seconds(x[kept], y[kept], (c, gamma, epsilon)) for y in targets[:N_GRID])
    grid /= min(N_GRID, len(targets))
    found[name] = {"fit_s": fit, "tight_fit_s": fit, "grid_s": grid if whole else 10 * grid}
print(json.dumps(found))
"""


def ours(folder, sets):
    """CPU times of this package; the problems are in `folder` afterwards."""
    command = ["cargo", "bench", "--profile", "dev", "--bench", "slam", "--", "--peers", folder]
    command += [str(path.resolve()) for path in sets]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def python_of(venv):
    """The interpreter of an environment that has scikit-learn."""
    python = venv / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "scikit-learn"], check=True)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "slam-peers")
    parser.add_argument("--set", type=pathlib.Path, action="append", default=[], help="a set of one's own")
    parser.add_argument("--whole-grid", action="store_true", help="libsvm runs all ten folds (an hour)")
    arguments = parser.parse_args()
    python = python_of(arguments.venv)
    with tempfile.TemporaryDirectory() as folder:
        own = ours(folder, arguments.set)
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [python, "-c", LIBSVM, folder, json.dumps(own), str(arguments.whole_grid)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=one_thread)
    peer = json.loads(done.stdout)
    print(f"{'problem':<28}{'n_train':>8}{'ours, CPU s':>14}{'libsvm, CPU s':>15}{'ratio':>9}")
    for name, own_times in own.items():
        steps = {"fit_s": "a fit, to 1e-3", "tight_fit_s": "a fit, to 1e-6", "grid_s": "wide grid"}
        for step, words in steps.items():
            a, b = own_times[step], peer[name][step]
            label = f"{name}, {words}"
            print(f"{label:<28}{own_times['n_train']:>8}{a:>14.4f}{b:>15.3f}{b / a:>9.1f}")
        print(f"{name + ', prepared once':<28}{own_times['n_train']:>8}{own_times['prepare_s']:>14.3f}")


if __name__ == "__main__":
    main()
