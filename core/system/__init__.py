"""The operating system: processes, threads, memory, devices, files and logs."""
