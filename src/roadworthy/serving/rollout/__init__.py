"""Rollouts: which requests a challenger sees, what was measured of it, and the rule by which it goes on or back."""
