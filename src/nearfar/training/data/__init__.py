"""Training data: caching, sampling, augmentation and batches."""
