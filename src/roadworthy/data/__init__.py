"""Data: batches go through the contract into versioned tables."""
