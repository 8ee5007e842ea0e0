"""Depth of moving pictures."""
