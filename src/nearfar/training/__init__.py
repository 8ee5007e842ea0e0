"""Depth networks in PyTorch: architectures, weights, training, quantization and ONNX export.

The modules here import torch at the top, except `options`: call
`nearfar.optional.require("torch")` before importing them.
"""
