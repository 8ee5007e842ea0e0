"""int8 quantization: activation ranges, QDQ graphs, and choice of layers that stay in float."""
