"""Observation: what was answered in a window, held against what the model was trained on and against the labels."""

from roadworthy.observation.observing import observe
from roadworthy.observation.traffic import PREDICTION, Traffic, compare_on, read_traffic

__all__ = ["PREDICTION", "Traffic", "compare_on", "observe", "read_traffic"]
