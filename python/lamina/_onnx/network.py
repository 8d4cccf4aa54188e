"""A network as a model of ONNX."""

import json
from collections.abc import Sequence

from onnx import ModelProto

from lamina._checks.class_names import checked_class_names
from lamina._checks.spec import Spec, what
from lamina._onnx.files import checked
from lamina._onnx.graph import Graph
from lamina._onnx.layers import Values, write_first_normalization, write_layers


def network_model(
    spec: Spec,
    parameters: Values,
    dtype: str,
    *,
    input_name: str,
    output_name: str,
    input_dtype: str | None,
    class_names: Sequence[str] | None,
    feature_names: Sequence[str | int] | None,
) -> ModelProto:
    """The model of a network.

    Args:
        spec: its description. parameters: all of its parameters, by name. dtype: its dtype.
        input_name, output_name, input_dtype, class_names: as in `Sequential.export_onnx`.
        feature_names: of the columns, where they are known.
    """
    taken = input_dtype or dtype
    if taken not in ("float32", "float64"):
        raise ValueError(f"export_onnx: expected input_dtype float32 or float64, got {taken!r}")
    for name, value in (("input_name", input_name), ("output_name", output_name)):
        if not isinstance(value, str) or not value:
            raise TypeError(f"export_onnx: expected {name} as a text, got {what(value)}")
    if input_name == output_name:
        raise ValueError(f"export_onnx: expected two names, got {input_name!r} twice")
    graph = Graph(dtype, [input_name, output_name])
    inputs, layers = spec["inputs"], spec["layers"]
    rows = (graph.add_input(input_name, taken, inputs, "rows of features"), inputs)
    if layers[0]["kind"] == "normalization":
        rows = write_first_normalization(graph, parameters, rows)
        # What vanishes stands in its place, so that the others keep their numbers.
        layers = [{"kind": "dropout"}, *layers[1:]]
        y, outputs = write_layers(graph, layers, parameters, rows)
    else:
        x = rows[0] if taken == dtype else graph.cast(rows[0], dtype)
        y, outputs = write_layers(graph, layers, parameters, (x, inputs))
    about = {}
    if class_names is not None:
        about["classes"] = json.dumps(checked_class_names(class_names, outputs, "export_onnx"))
    if feature_names is not None:
        about["feature_names"] = json.dumps([str(name) for name in feature_names])
    graph.add_output(y, output_name, dtype, [outputs], "outputs, as predict gives them")
    return checked(graph.model("network", about))
