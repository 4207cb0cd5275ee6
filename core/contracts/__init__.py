"""What crosses a boundary: between the api, the worker, the store and a file.

Everything here is a pydantic model without behaviour of its own, and imports no torch.
"""
