"""A node that runs no model does without what models need: 30 MB of its memory."""

import subprocess
import sys

import pytest

import models

RUNTIME = ("onnxruntime", "onnx", "tokenizers")


@pytest.mark.parametrize("imported", ["models", "node.service.app, node.service.daemon"])
def test_the_runtime_of_models_is_not_imported_before_it_is_needed(imported: str) -> None:
    program = f"import sys, {imported}; print(*(name for name in {RUNTIME} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_every_public_name_is_there_and_no_other() -> None:
    for name in models.__all__:
        assert getattr(models, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        models.__getattr__("nonsense")
