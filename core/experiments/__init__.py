"""Experiments of the paper: a grid of runs on published data, with stored results, tables and figures."""
