"""The paper's experiments: a grid of runs on published data, kept, summed up and drawn."""
