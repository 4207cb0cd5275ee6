"""Predictions: loaded models, batches, and which checkpoint answers a language."""
