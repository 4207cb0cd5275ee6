"""What people see in a terminal: progress, tables, marked text."""
