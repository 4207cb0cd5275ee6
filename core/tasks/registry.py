"""The registry of tasks: descriptions of the built-in tasks and of those of installed packages."""

from functools import cache

from core.errors import NotFound
from core.plugins import GROUP, load_task, task_names
from core.tasks.spec import TaskSpec

__all__ = ["task_names", "task_spec", "task_specs"]


@cache
def task_spec(name: str) -> TaskSpec:
    """Return the description of a task, imported on first use.

    Raises:
        NotFound: There is no task of that name.
        TypeError: What an installed package brings is not a description of that task.
    """
    if name not in task_names():
        raise NotFound(f"there is no task {name[:80]!r}; there are {', '.join(task_names())}")
    spec = load_task(name)
    if not isinstance(spec, TaskSpec) or spec.name != name:
        raise TypeError(f"the entry point {name!r} of {GROUP} is not the TaskSpec of that name")
    return spec


@cache
def task_specs() -> tuple[TaskSpec, ...]:
    """Return the descriptions of all tasks, the built-in ones first.

    Raises:
        TypeError: Two tasks have evaluations with the same fields, by which stored ones are recognised.
    """
    specs = tuple(task_spec(name) for name in task_names())
    owners: dict[frozenset[str], str] = {}
    for spec in specs:
        owner = owners.setdefault(frozenset(spec.evaluation.model_fields), spec.name)
        if owner != spec.name:
            raise TypeError(f"the evaluations of the tasks {owner} and {spec.name} have the same fields")
    return specs
