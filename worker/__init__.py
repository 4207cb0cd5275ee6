"""The RQ worker that trains."""
