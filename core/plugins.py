"""Discovery of tasks by entry points: the built-in tasks, and those of installed packages.

A package brings a task by an entry point of the group ``xmetra.tasks``, whose value is the place of a
`core.tasks.spec.TaskSpec`::

    [project.entry-points."xmetra.tasks"]
    ner = "acme_ner.spec:SPEC"

This module knows names and places only, so that the lowest layers may use it; `core.tasks.registry` is the
typed view of it.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

GROUP: Final = "xmetra.tasks"

BUILT_IN: Final = (
    EntryPoint("mtod", "core.tasks.mtod.spec:SPEC", GROUP),
    EntryPoint("qa", "core.tasks.qa.spec:SPEC", GROUP),
)


@cache
def _entry_points() -> dict[str, EntryPoint]:
    """Return task → its entry point; an installed package cannot replace a built-in task."""
    points = {point.name: point for point in BUILT_IN}
    for point in entry_points(group=GROUP):
        points.setdefault(point.name, point)
    return points


def task_names() -> tuple[str, ...]:
    """Return the names of all tasks, the built-in ones first."""
    return tuple(_entry_points())


@cache
def load_task(name: str) -> Any:  # noqa: ANN401
    """Import and return what the entry point of a task names.

    Raises:
        KeyError: There is no task of that name.
    """
    return _entry_points()[name].load()
