"""Loading of encoders, and the embedded multilingual encoder."""
