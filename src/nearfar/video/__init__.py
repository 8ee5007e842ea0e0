"""Depth of video: decoding, temporal stabilization, rendering and encoding."""
