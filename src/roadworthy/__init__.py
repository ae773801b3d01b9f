"""Roadworthy takes a notebook that works and turns it into a service that keeps working."""
