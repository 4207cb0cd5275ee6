"""Operating system: processes, threads, memory, devices, files and logging."""
