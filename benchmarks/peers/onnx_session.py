"""ONNX Runtime: a graph of Gemm nodes, called by `run`, or with input and output bound once."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.peers.base import Call, RunEpochs, Unsupported
from benchmarks.workloads import Array, Floats, Workload, initial_parameters

NODES = {"relu": "Relu", "tanh": "Tanh"}


def build_model(workload: Workload) -> bytes:
    nodes, tensors, name = [], [], "x"
    parameters = initial_parameters(workload.widths)
    for index, (weight, bias) in enumerate(parameters):
        last = index == len(parameters) - 1
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(weight.T), f"w{index}"))
        tensors.append(numpy_helper.from_array(bias, f"b{index}"))
        product = "y" if last else f"z{index}"
        nodes.append(helper.make_node("Gemm", [name, f"w{index}", f"b{index}"], [product]))
        if not last:
            name = f"a{index}"
            nodes.append(helper.make_node(NODES[workload.activation], [product], [name]))
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [workload.batch, width])
        for name, width in (("x", workload.widths[0]), ("y", workload.widths[-1]))
    ]
    graph = helper.make_graph(nodes, "mlp", shapes[:1], shapes[1:], tensors)
    opsets = [helper.make_opsetid("", 17)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    onnx.checker.check_model(model)
    return model


class OnnxPeer:
    def __init__(self, threads: int, bound: bool) -> None:
        self.threads, self.bound = threads, bound

    def version(self) -> str:
        return str(onnxruntime.__version__)

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        raise Unsupported("ONNX Runtime is measured for inference alone")

    def inference(self, workload: Workload, features: Floats) -> Call:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        session = onnxruntime.InferenceSession(
            build_model(workload), options, providers=["CPUExecutionProvider"]
        )
        if not self.bound:
            return lambda: session.run(None, {"x": features})[0]
        output = np.empty((workload.batch, workload.widths[-1]), np.float32)
        binding = session.io_binding()
        for bind, name, values in (
            (binding.bind_input, "x", features),
            (binding.bind_output, "y", output),
        ):
            bind(name, "cpu", 0, np.float32, values.shape, values.ctypes.data)

        def call(_: Floats = features) -> Floats:
            """Keeps the features alive, which the binding only points to."""
            session.run_with_iobinding(binding)
            return output

        return call


def create(threads: int) -> OnnxPeer:
    return OnnxPeer(threads, bound=False)


def create_bound(threads: int) -> OnnxPeer:
    return OnnxPeer(threads, bound=True)
