"""Rendering: lens blur, view synthesis, inpainting, shadows, text."""
