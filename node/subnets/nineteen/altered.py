"""Makes a bundle whose weights were tampered with, for the cheat that runs another model than the one it claims.

Stands for a cheaper quantisation or a fine-tune: every scale of the weights moves by a few percent. Writes nothing into
the original folder.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from models.bundle import MANIFEST_FILE, ONNX_FILE, TOKENIZER_FILE, encode_card, read_card

STRENGTH: Final = 0.05  # relative noise on the scales; the effect is that of requantising to about 4 bits
_SCALES_MIN: Final = 256  # smaller tensors are constants of the graph, not weights


def alter_bundle(bundle: Path, target: Path, *, seed: int = 1, strength: float = STRENGTH) -> Path:
    """Write an altered copy of `bundle` into `target` and return that. Blocks; equal seeds give equal copies."""
    import onnx  # 9 MB that every other node does without
    from onnx import TensorProto, numpy_helper

    target.mkdir(parents=True, exist_ok=True)
    graph = onnx.load_model(bundle / ONNX_FILE, load_external_data=False)
    random = np.random.default_rng(seed)
    for tensor in graph.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= _SCALES_MIN:
            weights = numpy_helper.to_array(tensor)
            noise = random.standard_normal(weights.shape, dtype=np.float32)
            tensor.CopyFrom(numpy_helper.from_array(weights * (1 + np.float32(strength) * noise), tensor.name))
    raw = graph.SerializeToString()
    (target / ONNX_FILE).write_bytes(raw)
    shutil.copyfile(bundle / TOKENIZER_FILE, target / TOKENIZER_FILE)
    card = msgspec.structs.replace(read_card(bundle), sha256=hashlib.sha256(raw).hexdigest())
    (target / MANIFEST_FILE).write_bytes(encode_card(card))
    return target
