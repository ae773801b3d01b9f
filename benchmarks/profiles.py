"""What profiling costs: CPU-seconds beside whylogs' own logging and DuckDB's approximate aggregates, and memory.

Four tables in memory: floats, text of 50 and of 100,000 different values, and a mixed one. Roadworthy profiles the
frame of pandas and the Arrow table; whylogs logs the frame (`why.log(pandas=...)`); DuckDB asks the Arrow table, on
one thread, for what a profile says (count, least, greatest, mean, standard deviation, nine quantiles, distinct values,
the hundred most frequent texts). The figure is a median of CPU time, so that other work on the machine counts less.
Then Parquet files of 1,000,000 and 10,000,000 rows of ten columns are profiled, each by a fresh process whose peak
memory is told.

    python benchmarks/profiles.py --repeats 5 --rows 1000000 10000000
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "WHYLOGS_NO_ANALYTICS": "True"}

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import whylogs

from roadworthy.monitoring.profiles import Profile

WANTED = {  # times whylogs, and times DuckDB, where a target is set
    "floats, 1,000,000 x 10": (15, 1),
    "text of 50, 200,000 x 10": (5, 1),
    "mixed, 200,000 x 15": (20, 1),
    "text of 100,000, 200,000 x 10": (1.5, None),
}
NUMBERS = "count({0}), min({0}), max({0}), avg({0}), stddev({0}), approx_quantile({0}, {1}), approx_count_distinct({0})"
TEXTS = "count({0}), min({0}), max({0}), approx_top_k({0}, 100), approx_count_distinct({0})"
SHARES = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]


def texts(n: int, different: int, rng: np.random.Generator) -> pd.Series:
    return pd.Series(np.array([f"category {i}" for i in range(different)], dtype=object)[rng.integers(0, different, n)])


def mixed(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Three columns each of numbers, whole numbers, truth values, text and of others, some with values missing."""
    gaps = rng.random(n) < 0.1
    moments = pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s")
    return pd.DataFrame(
        {
            "normal": rng.normal(size=n),
            "rounded": rng.gamma(2, 10, n).round(1),
            "with gaps": pd.Series(rng.normal(size=n)).mask(gaps),
            "hour": rng.integers(0, 24, n),
            "distance": rng.integers(80, 5000, n),
            "nullable": pd.Series(rng.integers(0, 10**9, n), dtype="Int64").mask(gaps),
            "truth": rng.random(n) < 0.3,
            "rare truth": rng.random(n) < 0.001,
            "nullable truth": pd.Series(rng.random(n) < 0.5, dtype="boolean").mask(gaps),
            "carrier": texts(n, 16, rng).astype("str"),
            "origin": texts(n, 3, rng).astype("str"),
            "destination": texts(n, 105, rng).astype("str").mask(gaps),
            "category": texts(n, 50, rng).astype("category"),
            "moment": moments,
            "single": rng.normal(size=n).astype(np.float32),
        }
    )


def frames() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    made = (
        pd.DataFrame({f"x{i}": rng.normal(size=1_000_000) for i in range(10)}),
        pd.DataFrame({f"x{i}": texts(200_000, 50, rng).astype("str") for i in range(10)}),
        mixed(200_000, rng),
        pd.DataFrame({f"x{i}": texts(200_000, 100_000, rng).astype("str") for i in range(10)}),
    )
    return dict(zip(WANTED, made, strict=True))


def asked(table: pa.Table) -> Callable[[], object]:
    """Return DuckDB's query for what a profile says."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.register("t", table)
    wanted = []
    for field in table.schema:
        name = f'"{field.name}"'
        if pa.types.is_boolean(field.type):
            wanted.append(f"count({name}), sum({name}::INTEGER), approx_count_distinct({name})")
        elif pa.types.is_timestamp(field.type):
            wanted.append(NUMBERS.format(f"epoch({name})", SHARES))
        elif pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
            wanted.append(NUMBERS.format(name, SHARES))
        else:
            wanted.append(TEXTS.format(name))
    query = f"SELECT {', '.join(wanted)} FROM t"  # noqa: S608 - our own names
    return lambda: connection.execute(query).fetchall()


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median of the CPU time of all threads."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def speed(repeats: int) -> None:
    """Print the table of speeds."""
    pa.set_cpu_count(1)
    print(f"thousand rows a CPU-second, median of {repeats} (whylogs: of {max(repeats // 5, 1)})")
    print(f"{'':32}{'pandas':>10}{'Arrow':>10}{'whylogs':>10}{'DuckDB':>10}{'x whylogs':>18}{'x DuckDB':>18}")
    for name, frame in frames().items():
        table = pa.Table.from_pandas(frame, preserve_index=False)
        query, few = asked(table), max(repeats // 5, 1)
        Profile.of(frame.head(1000))
        query()
        ours, arrow, theirs, duck = (
            len(frame) / 1000 / seconds(work, times)
            for work, times in (
                (lambda frame=frame: Profile.of(frame), repeats),
                (lambda table=table: Profile.of(table), repeats),
                (lambda frame=frame: whylogs.log(pandas=frame), few),
                (query, repeats),
            )
        )
        least, beside = WANTED[name]
        faster, as_fast = ours / theirs, arrow / duck
        print(
            f"{name:32}{ours:>10,.0f}{arrow:>10,.0f}{theirs:>10,.0f}{duck:>10,.0f}"
            f"{faster:>8.1f} ({said(faster, least)}){as_fast:>8.2f} ({said(as_fast, beside)})",
            flush=True,
        )


def said(figure: float, wanted: float | None) -> str:
    return "no target" if wanted is None else f"{wanted:g}: {'met' if figure >= wanted else 'MISSED'}"


# --- memory --------------------------------------------------------------------------------------------------------

CHILD = "--profile"


def write(path: Path, rows: int) -> None:
    """Write ten columns in row groups of 500,000."""
    rng = np.random.default_rng(0)
    writer = None
    for start in range(0, rows, 500_000):
        n = min(500_000, rows - start)
        columns: dict[str, np.ndarray] = {f"x{i}": rng.normal(size=n) for i in range(6)}
        columns |= {"whole": rng.integers(0, 10**6, n), "truth": rng.random(n) < 0.3}
        named = {"text": texts(n, 50, rng), "id": pd.Series(np.arange(start, start + n)).astype("str")}
        table = pa.table(columns | {name: pa.array(column) for name, column in named.items()})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def memory(sizes: list[int], workers: int) -> None:
    """Print the peak memory of fresh processes that profile Parquet files."""
    print(
        "\nParquet, ten columns (six floats, whole numbers, truth values, text of 50, an identifier of its own a row)"
    )
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            path = Path(folder) / f"{rows}.parquet"
            write(path, rows)
            for count in sorted({1, workers}):
                command = [sys.executable, __file__, CHILD, str(path), "--workers", str(count)]
                print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


def child(path: Path, workers: int) -> None:
    """Profile a file and print what it took."""
    start = time.perf_counter()
    profile = Profile.of_files([path], workers=workers)
    taken = time.perf_counter() - start
    own, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    megabytes = max(peak(), theirs.ru_maxrss / 1024 if workers > 1 else 0)
    cpu = own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime
    print(
        f"{profile.rows:>12,} rows, {workers} process{'es' if workers > 1 else ''}: at most {megabytes:.0f} MB each "
        f"(600: {'met' if megabytes <= 600 else 'MISSED'}), {taken:.1f} s, {cpu:.1f} CPU-s with imports"
    )


def peak() -> float:
    """Peak memory of this process in megabytes; `getrusage` would count its parent's from before it began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(CHILD, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.profile:
        child(options.profile, options.workers)
        return
    warnings.filterwarnings("ignore")  # whylogs and pandas 3 have many
    speed(options.repeats)
    memory(options.rows, options.workers)


if __name__ == "__main__":
    main()
