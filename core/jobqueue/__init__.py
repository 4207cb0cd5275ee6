"""The job queue: RQ and Redis."""
