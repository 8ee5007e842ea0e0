"""Depth for many at once: HTTP, the stream and the page stand on one desk and one batcher."""
