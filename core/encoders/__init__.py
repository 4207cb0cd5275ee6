"""Encoders: loading them by name, and the embedded multilingual one."""
