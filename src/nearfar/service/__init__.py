"""Depth for many at once: HTTP, the stream and the page stand on one engine and one scheduler."""
