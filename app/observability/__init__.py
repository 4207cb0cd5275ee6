"""Metrics, access log and request ids."""
