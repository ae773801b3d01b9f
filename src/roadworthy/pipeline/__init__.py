"""The pipeline: notebooks as Ploomber tasks, and the record of what came from what."""
