"""Liveness, readiness and warm-up of the API process."""
