"""Monitoring: profiles of windows, their drift and performance, and who is told."""
