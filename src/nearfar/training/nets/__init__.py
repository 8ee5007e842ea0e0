"""Network architectures in PyTorch, and their pretrained weights."""
