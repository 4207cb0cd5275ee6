"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Return the installed version, or ``0.0.0`` if the source tree is not installed."""
    try:
        return version("xmetra")
    except PackageNotFoundError:
        return "0.0.0"
