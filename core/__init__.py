"""The engine that the api and the worker share."""
