"""Serving: a typed service that remembers its traffic."""
