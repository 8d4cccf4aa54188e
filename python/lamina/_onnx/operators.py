"""Which operators an import reads, by what they do to rows."""

from onnx import NodeProto

# Each element by itself, with constants.
ELEMENTWISE = frozenset(
    (
        *("Abs", "Add", "And", "Cast", "CastLike", "Celu", "Clip", "Cos", "Div", "Elu", "Equal"),
        *("Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish"),
        *("Identity", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Min", "Mish", "Mul"),
        *("Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sign"),
        *("Sin", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tanh"),
        *("ThresholdedRelu", "Where"),
    )
)
# Each row by itself.
ROWWISE = frozenset(
    (
        *("LayerNormalization", "LogSoftmax", "ReduceL2", "ReduceLogSumExp", "ReduceMax"),
        *("ReduceMean", "ReduceSum", "ReduceSumSquare", "RMSNormalization", "Softmax"),
    )
)
# A linear map of rows, and what turns it.
LINEAR = frozenset(("Gemm", "MatMul", "Transpose"))
# Linear in the one input that follows from the rows.
SCALING = frozenset(("Add", "Cast", "Div", "Identity", "Mul", "Neg", "Sub"))
# What leaves the numbers of a row in their order.
SHAPES = frozenset(("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Cast", "CastLike"))
# What may stand around such a step.
MOVES = SHAPES | {"Concat", "Gather", "Shape", "Slice"}
_OTHERS = frozenset(
    (
        *("BatchNormalization", "Concat", "Constant", "Dropout", "Gather", "LinearClassifier"),
        *("LinearRegressor", "Normalizer", "Scaler", "Shape", "Slice"),
    )
)
_KNOWN = ELEMENTWISE | ROWWISE | LINEAR | SHAPES | _OTHERS
_QUANTISED = frozenset(
    (
        *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger"),
        *("QLinearMatMul", "QGemm", "DynamicQuantizeMatMul", "MatMulNBits"),
    )
)
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


def shown(node: NodeProto) -> str:
    """A node for an error, by its operator and its name."""
    name = node.name or (node.output[0] if node.output else "")
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return f"operator {domain}{node.op_type} (node '{name}')"


def refuse_node(node: NodeProto) -> None:
    """Refuse an operator that no network of lamina has.

    Raises:
        ValueError: naming the operator and the node.
    """
    if node.op_type in _QUANTISED:
        raise ValueError(
            f"import_onnx: {shown(node)} is of a quantised model, whose numbers are rounded; "
            "import the model as it was before"
        )
    if node.domain not in _DOMAINS or node.op_type not in _KNOWN:
        raise ValueError(
            f"import_onnx: {shown(node)} is none that a network of dense layers has; supported "
            "are products, normalisations and activations of rows"
        )
    training = {a.name: a.i for a in node.attribute}.get("training_mode", 0)
    if node.op_type == "BatchNormalization" and training:
        raise ValueError(
            f"import_onnx: {shown(node)} is in training mode; export the model for prediction"
        )
