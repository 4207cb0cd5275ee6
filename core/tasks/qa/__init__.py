"""Extractive question answering: an answer is a span of the context (X-METRA-ADA, section 2.2)."""
