"""Files of a build that are there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Lend a name beside `path` to write to; what was written becomes `path` when the block ends well."""
    partial = path.with_name("partial." + path.name)
    yield partial
    partial.replace(path)
