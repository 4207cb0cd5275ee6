"""The typed client of the HTTP API, synchronous and asynchronous."""
