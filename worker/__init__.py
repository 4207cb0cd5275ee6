"""The RQ worker that runs training jobs."""
