"""Demo of the whole service: pretrain, adapt and predict on the samples."""
