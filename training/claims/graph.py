"""ONNX graphs built node by node, with int8 weights.

Written out rather than traced: the graph runs as it stands (no optimizer passes, no exporter), and uses
onnxruntime's dynamically quantized matrix product. Add + LayerNormalization is on purpose: the fused
SkipLayerNormalization of onnxruntime's CPU provider is several times slower than the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float32]
MICROSOFT = "com.microsoft"
_TYPES = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64}


def quantize_columns(weight: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Symmetric int8 per output column; weight: [in, out]."""
    scale = np.maximum(np.abs(weight).max(0), 1e-8) / 127
    return np.clip(np.round(weight / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


class Graph:
    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._count = 0

    def _name(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def constant(self, value: Array) -> str:
        name = self._name()
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(np.asarray(values, np.int64))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, n: int, *inputs: str, domain: str = "", **attributes: Any) -> list[str]:
        outputs = [self._name() for _ in range(n)]
        self._nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs

    def linear(self, x: str, weight: Floats, bias: Floats) -> str:
        """weight: [out, in] as torch has it; int8, the input quantized on the fly."""
        quantized, scale = quantize_columns(weight.T)
        inputs = (x, self.constant(quantized), self.constant(scale), "", self.constant(bias))
        return self.op("DynamicQuantizeMatMul", *inputs, domain=MICROSOFT)

    def exact_linear(self, x: str, weight: Floats, bias: Floats) -> str:
        return self.op("Add", self.op("MatMul", x, self.constant(weight.T)), self.constant(bias))

    def norm(self, x: str, weight: Floats, bias: Floats, epsilon: float) -> str:
        return self.op("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=epsilon)

    def gelu(self, x: str) -> str:
        return self.op("Gelu", x, domain=MICROSOFT)

    def attention(self, qkv: str, width: int, heads: int) -> str:
        query, key, value = self.ops("Split", 3, qkv, self.ints(width, width, width), axis=-1)
        return self.op("MultiHeadAttention", query, key, value, domain=MICROSOFT, num_heads=heads)

    def model(
        self,
        inputs: dict[str, tuple[str, Sequence[str | int]]],
        outputs: dict[str, tuple[str, Sequence[str | int]]],
    ) -> onnx.ModelProto:
        """inputs: name -> (type, shape); outputs: name -> (tensor, shape)."""
        for name, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        graph = helper.make_graph(
            self._nodes,
            "attribution",
            [helper.make_tensor_value_info(n, _TYPES[t], shape) for n, (t, shape) in inputs.items()],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, (_, s) in outputs.items()],
            self._constants,
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)
