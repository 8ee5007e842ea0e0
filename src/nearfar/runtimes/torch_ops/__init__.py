"""ONNX operators in torch. Imported only when a torch session is made."""
