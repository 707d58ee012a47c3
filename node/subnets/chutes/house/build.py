"""How the graphs of this folder were made, by ONNX operators alone. Run by tests; a node only reads the files.

`edges` finds outlines in pictures: grey values, two Sobel filters, the length of the gradient.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET: Final = 17
IR_VERSION: Final = 8
GREY: Final = (0.299, 0.587, 0.114)
SOBEL: Final = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def edges() -> "ModelProto":
    """picture float32 [1, 3, height, width] in 0..1 -> edges float32 [1, 1, height, width]."""
    from onnx import TensorProto, helper, numpy_helper

    across = np.array(SOBEL, np.float32)
    weights = {
        "grey": np.array(GREY, np.float32).reshape(1, 3, 1, 1),
        "sobel": np.stack([across, across.T])[:, None],
    }
    nodes = [
        helper.make_node("Conv", ["picture", "grey"], ["light"], "light"),
        helper.make_node("Conv", ["light", "sobel"], ["slopes"], "slopes", pads=[1, 1, 1, 1]),
        helper.make_node("ReduceL2", ["slopes"], ["edges"], "length", axes=[1], keepdims=1),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])
    result = helper.make_tensor_value_info("edges", TensorProto.FLOAT, [1, 1, "height", "width"])
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "edges", [picture], [result], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
