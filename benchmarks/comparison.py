"""How often one of two versions is taken for the better one, where they are alike and where one is better.

Two versions answer the same rows. Where nothing is said of moods, rows are independent; with moods, each day makes the
one's and the other's scores better or worse, so that rows of a day are alike. Alike are two versions that are as good
on the average day; better is one whose scores have less noise of their own. By rows, the interval takes rows
as independent (DeLong's for areas, the paired t-test for the Brier score); by days, days alone. Meant are 2.5 % of the
pairs that are alike, and as many as can be of those where one is better.

    python benchmarks/comparison.py --draws 1000
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from roadworthy.errors import TooFewRows
from roadworthy.monitoring.performance import compare

MOOD = 0.4  # deviation of a day's factor on the truth
NOISE, LESS = 0.7, 0.4  # of the scores, and of the better version's
METRICS = ("roc_auc", "brier")
DAYS = {
    "two days, the second begun": (600, 55),
    "four days": (300,) * 4,
    "twelve days": (100,) * 12,
    "a month": (100,) * 30,
    "a month, four times the rows": (400,) * 30,
}


def answers(
    sizes: NDArray[np.int64], mood: float, noise: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], list[NDArray[np.float64]], NDArray[np.int64]]:
    """Draw labels, what two versions answered, the second with so much noise, and the days."""
    days = np.repeat(np.arange(len(sizes)), sizes)
    truth = rng.normal(size=len(days))
    labels = rng.random(len(days)) < 1 / (1 + np.exp(1 - truth))
    moods = mood * rng.normal(size=(2, len(sizes)))[:, days]
    noises = zip(moods, (NOISE, noise), strict=True)
    return labels, [1 / (1 + np.exp(1 - (1 + m) * truth - own * rng.normal(size=len(days)))) for m, own in noises], days


def better(metric: str, sizes: tuple[int, ...], mood: float, noise: float, draws: int) -> Iterator[tuple[bool, bool]]:
    """Yield, draw by draw, whether the second version is taken for better by rows, and by days."""
    for seed in range(draws):
        rng = np.random.default_rng([seed, len(sizes)])
        labels, (old, new), days = answers(rng.poisson(sizes), mood, noise, rng)
        pair = compare(metric, labels, old, new, champion="old", challenger="new")
        try:
            by_days = compare(metric, labels, old, new, champion="old", challenger="new", groups=days).better
        except TooFewRows:
            by_days = False
        yield pair.better, by_days


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500)
    draws = parser.parse_args().draws
    print(f"{f'taken for better, of {draws} pairs':47}{'alike':>17}{'better':>18}")
    print(f"{'':30}{'':7}{'':10}" + f"{'by rows':>9}{'by days':>9}" * 2)
    for name, sizes in DAYS.items():
        for mood in (0.0, MOOD):
            for metric in METRICS:
                shares = [
                    np.mean(list(better(metric, sizes, mood, noise, draws)), axis=0).tolist() for noise in (NOISE, LESS)
                ]
                cells = "".join(f"{share:>9.1%}" for pair in shares for share in pair)
                print(f"{name:30}{'moods' if mood else '':7}{metric:10}{cells}", flush=True)


if __name__ == "__main__":
    main()
