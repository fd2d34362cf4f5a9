"""Forward plus inverse constant-Q transform against patched `nsgt` in matrix form, one thread, one run.

    python -m benchmarks.cqt [--rounds 30]

Both transform the same block with the same sample rate, block length and bands, and take turns, so that what
else the computer does meets both alike; ratios are medians over rounds. `nsgt` needs as many frames as its
widest window, the one at the Nyquist frequency, has bins. So there is a second ratio, to `nsgt` less the two
bands at either end (`reducedform=2`): no inverse any more, but about as many coefficients as here.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from tests.helpers.patched_nsgt import transform
from tfbwe.cqt import CQT


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    cqt = CQT()
    hertz = cqt.frequencies[cqt.constant_q]
    whole = transform(hertz, cqt.bins_per_octave, cqt.sample_rate, cqt.block_length)
    reduced = transform(hertz, cqt.bins_per_octave, cqt.sample_rate, cqt.block_length, reducedform=2)
    x = np.random.default_rng(0).uniform(-1, 1, cqt.block_length).astype(np.float32)
    wide = x.astype(np.float64)
    work: list[Callable[[], object]] = [
        lambda: cqt.inverse(cqt.forward(x)),
        lambda: whole.backward(whole.forward(wide)),
        lambda: reduced.backward(reduced.forward(wide)),
    ]
    for call in work:
        call()
    times = np.array([[seconds(call) for call in work] for _ in range(rounds)])
    medians = 1000 * np.median(times, axis=0)
    ratios = np.median(times[:, 1:] / times[:, :1], axis=0)
    error = np.abs(cqt.inverse(cqt.forward(x)) - x).max()
    print(f"NumPy {np.__version__}, {rounds} rounds, medians, {cqt.block_length} samples")
    print(f"tfbwe, {cqt.shape[0]} frames, {cqt.shape[1]} bands: {medians[0]:.2f} ms, error {error:.1e}")
    for name, other, bands, theirs, ratio in [
        ("nsgt", whole, len(hertz) + 2, medians[1], ratios[0]),
        ("nsgt, reduced", reduced, len(hertz) - 2, medians[2], ratios[1]),
    ]:
        print(f"{name}, {max(other.M)} frames, {bands} bands: {theirs:.2f} ms, ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
