"""Networks in plain torch: their weights, their training, and their way out to ONNX.

Every module here imports torch at its top, so whoever imports one asks
`nearfar.optional.require("torch")` first.
"""
