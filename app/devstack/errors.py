"""Errors of the local stack; their messages are printed to the user."""


class StackError(Exception):
    """The stack cannot start, or one of its processes ended and cannot be restarted."""


class FolderInUse(Exception):
    """Another stack uses the data folder, or the folder cannot be created."""
