#!/usr/bin/env python3
"""The sets `literature` and `drawn` for benches/peers/slam.py and `--grid`, from the reference's model spectra.

Usage: benches/peers/sets.py REFERENCE OUT   (numpy; REFERENCE holds make_synthetic_set.py and train_ap1000.npz)

literature: the 3,785 noisy stars of the reference's training set, masked pixels by their true flux. drawn: 15,000
noise-free stars, labels uniform over Teff 2800 to 4500 K, [M/H] -1 to 0, log g 4.5 to 5.5. 64 pixels spread evenly over
the spectrum, in a fixed shuffled order. OUT/SET/labels.npy is (n_train, 3), OUT/SET/targets.npy is (64, n_train), both
scaled to mean 0 and variance 1.
"""
import os, pathlib, sys

import numpy as np

N_PIXEL = 64


def scaled(values):
    return np.ascontiguousarray((values - values.mean(0)) / values.std(0))


def write(folder, labels, flux):
    pixels = np.linspace(0, flux.shape[1] - 1, N_PIXEL).round().astype(int)
    np.random.default_rng(5).shuffle(pixels)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "labels.npy", scaled(labels))
    np.save(folder / "targets.npy", np.ascontiguousarray(scaled(flux[:, pixels]).T))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    reference, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(reference))
    os.chdir(reference)
    import make_synthetic_set as made

    random = np.random.default_rng(1)
    labels = made.labels_ap(3785, random)
    flux, ivar, _, true_flux = made.noisy(labels, random)
    write(out / "literature", labels, np.where(ivar > 0, flux, true_flux))
    low, high = np.array([2800.0, -1.0, 4.5]), np.array([4500.0, 0.0, 5.5])
    labels = np.random.default_rng(3).uniform(low, high, (15000, 3))
    write(out / "drawn", labels, made.model(labels))


if __name__ == "__main__":
    main()
