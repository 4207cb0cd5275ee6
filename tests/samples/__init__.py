"""Tests of the samples and their generators."""
