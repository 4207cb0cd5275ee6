"""The embedded multilingual encoder: its build from parallel text, storage and loading."""
