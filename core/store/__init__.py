"""Storage of all durable data, in a local folder or at an fsspec URL; only this package uses fsspec.

    datasets/<sha256>/data.jsonl + manifest.json             immutable, content-addressed
    checkpoints/<task>/<id>/… + manifest.json                immutable
    deployments/<task>/<language or base>/<000007>.json      the highest number is live
    jobs/<id>/job.json, events.jsonl                         the record and the events of a job
    jobs/<id>/outcome.json                                   its report, written before deployment
    vectors/<content>/<encoder>.safetensors                  sentence vectors; a cache that may be deleted

No locks and no database are needed: files are written atomically, manifests are written last, and a folder
without a manifest is ignored.
"""

from core.store.facade import Store

__all__ = ["Store"]
