"""Windows: which rows of the traffic are judged together."""

from roadworthy.monitoring.windows.stretches import Length, is_open, slices, split, window_of

__all__ = ["Length", "is_open", "slices", "split", "window_of"]
