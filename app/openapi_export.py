"""Writes the description of the API: ``python -m app.openapi_export > docs/reference/openapi.json``."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from app.main import create_app


def as_text(schema: Mapping[str, Any]) -> str:
    """Return a description as it is committed: sorted, so that a change of order is none."""
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text(create_app().openapi()))
