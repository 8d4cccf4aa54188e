"""Networks as ONNX graphs, and from them; the one room that needs the package onnx."""
