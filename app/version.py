"""Which version this is."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Return the version that is installed; a tree that is not has none."""
    try:
        return version("xmetra")
    except PackageNotFoundError:
        return "0.0.0"
