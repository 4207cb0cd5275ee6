"""The embedded multilingual encoder: how it is built from parallel text, and how it is stored and read."""
