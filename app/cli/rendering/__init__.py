"""Output of commands: consoles, tables and progress."""
