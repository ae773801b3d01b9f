"""What Evidently's report says of windows of traffic, for drift_rule.py; runs in an environment of its own.

    python evidently_report.py FOLDER

reads ``reference.parquet`` and every ``window-*.parquet`` of the folder, and prints as JSON, window by window, the
columns that Evidently's data drift preset with its defaults calls drifted.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

_DISTANCES = ("distance", "divergence", "Wasserstein", "PSI")  # in the names of methods that are no p-value


def drifted(reference: pd.DataFrame, window: pd.DataFrame) -> list[str]:
    """Return the columns that drifted by Evidently's own choice of method and threshold."""
    found = Report([DataDriftPreset()]).run(window, reference[window.columns.tolist()]).dict()
    return [column for metric in found["metrics"] if (column := _drifted(metric))]


def _drifted(metric: dict[str, Any]) -> str | None:
    config = metric.get("config", {})
    if not str(config.get("type", "")).endswith("ValueDrift"):
        return None
    value, threshold, method = float(metric["value"]), float(config["threshold"]), str(config["method"])
    is_distance = any(word in method for word in _DISTANCES)
    return str(config["column"]) if (value >= threshold if is_distance else value < threshold) else None


def main() -> None:
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    reference = pd.read_parquet(folder / "reference.parquet")
    windows = sorted(folder.glob("window-*.parquet"))
    print(json.dumps({path.stem: drifted(reference, pd.read_parquet(path)) for path in windows}))


if __name__ == "__main__":
    main()
