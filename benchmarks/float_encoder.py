"""Export of a finished build in single precision, to measure the loss by quantisation.

The result is a folder in Hugging Face format:

    python -m benchmarks.float_encoder --build .data/encoder --out .data/encoder-float32
    python -m benchmarks.encoder --data DIR --encoders embedded .data/encoder-float32
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from core.encoders.embedded.artifact import Student
from core.encoders.embedded.assembly import assemble_student, fast_tokenizer


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, required=True, help="folder of `xmetra encoder build --out`")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arrays = load_file(arguments.build / "student.safetensors")
    body = {name.removeprefix("body."): tensor for name, tensor in arrays.items() if name.startswith("body.")}
    rows = arrays["rows"]
    model = assemble_student(Student(np.arange(len(rows)), rows, len(rows), body, ()))
    model.save_pretrained(arguments.out)
    fast_tokenizer(arguments.build / "tokenizer.json").save_pretrained(arguments.out)
    pooling = arguments.out / "1_Pooling"
    pooling.mkdir(exist_ok=True)
    (pooling / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}), encoding="utf-8")


if __name__ == "__main__":
    main()
