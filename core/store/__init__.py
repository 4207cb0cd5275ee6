"""Everything durable, in a folder or behind any fsspec URL; the one package that knows fsspec.

    datasets/<sha256>/data.jsonl + manifest.json             immutable, named by content
    checkpoints/<task>/<id>/… + manifest.json                immutable
    deployments/<task>/<language or base>/<000007>.json      the highest number is live
    jobs/<id>/job.json, events.jsonl                         the record of a job
    jobs/<id>/outcome.json                                   what it decided to deploy, before it does
    vectors/<content>/<encoder>.safetensors                  sentence vectors; a cache, and may be deleted

Nothing here needs a lock or a database: a file appears whole or not at all, a manifest is written
last, and a folder without one does not exist.
"""

from core.store.facade import Store

__all__ = ["Store"]
