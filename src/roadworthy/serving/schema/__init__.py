"""What a request must be, generated from the contract; what is said of it; and requests as the model's DataFrame.

A row is checked by the same document that the training data had to obey. Nothing is converted silently:
``"12"`` is not a number, a moment without a zone is not a moment, an unknown field is not ignored.
"""

from roadworthy.serving.schema.bodies import (
    Body,
    FeedbackAnswer,
    Label,
    PredictAnswer,
    Prediction,
    Problem,
    Refusal,
    Remark,
)
from roadworthy.serving.schema.columns import Columns, Rows, columnar, joined, schema_of
from roadworthy.serving.schema.frames import features, frame
from roadworthy.serving.schema.reading import Refused, checked, problems
from roadworthy.serving.schema.remarks import Inspection, Inspector
from roadworthy.serving.schema.requests import feedback_model, request_model

__all__ = [
    "Body",
    "Columns",
    "FeedbackAnswer",
    "Inspection",
    "Inspector",
    "Label",
    "PredictAnswer",
    "Prediction",
    "Problem",
    "Refusal",
    "Refused",
    "Remark",
    "Rows",
    "checked",
    "columnar",
    "features",
    "feedback_model",
    "frame",
    "joined",
    "problems",
    "request_model",
    "schema_of",
]
