"""Save a skops file, the first argument, as an MLflow model in a folder, the second; its answers are probabilities."""

from __future__ import annotations

import sys

import mlflow
import numpy as np
import pandas as pd
from skops import io

TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]

if __name__ == "__main__":
    model = io.load(sys.argv[1], trusted=TRUSTED)
    rows = pd.DataFrame(np.zeros((2, len(model.feature_names_in_))), columns=model.feature_names_in_)
    mlflow.sklearn.save_model(
        model,
        sys.argv[2],
        signature=mlflow.models.infer_signature(rows, model.predict_proba(rows)),
        pyfunc_predict_fn="predict_proba",
        skops_trusted_types=TRUSTED,
    )
