"""A service by hand: FastAPI, pydantic checks each field, the rows become a DataFrame.

The handler is a coroutine: a plain function would be run in a pool of threads, which is slower here.
"""

from __future__ import annotations

import os
from typing import Annotated

import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from skops import io

TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
Value = Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    x0: Value
    x1: Value
    x2: Value
    x3: Value
    x4: Value
    x5: Value
    x6: Value
    x7: Value
    x8: Value
    x9: Value


class Rows(BaseModel):
    rows: Annotated[list[Row], Field(min_length=1, max_length=1000)]


class Answer(BaseModel):
    probabilities: list[float]


app = FastAPI()
model = io.load(os.environ["BENCH_MODEL"], trusted=TRUSTED)


@app.post("/predict")
async def predict(request: Rows) -> Answer:
    frame = pd.DataFrame([row.model_dump() for row in request.rows])
    return Answer(probabilities=model.predict_proba(frame)[:, 1].tolist())
