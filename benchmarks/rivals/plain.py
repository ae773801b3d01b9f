"""A service as BentoML's first pages have it: a synchronous handler, records into a DataFrame, a list as the answer."""

from __future__ import annotations

import os

import bentoml
import pandas as pd
from skops import io

TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]


@bentoml.service(workers=1)
class Plain:
    def __init__(self) -> None:
        self._model = io.load(os.environ["BENCH_MODEL"], trusted=TRUSTED)

    @bentoml.api
    def predict(self, rows: list[dict[str, float]]) -> list[float]:
        probabilities: list[float] = self._model.predict_proba(pd.DataFrame(rows))[:, 1].tolist()
        return probabilities
