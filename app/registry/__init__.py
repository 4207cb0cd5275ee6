"""The models that were made: which there are, which of them serve, and their way out of here and in."""
