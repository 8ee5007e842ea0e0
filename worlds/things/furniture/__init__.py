"""Furniture for rooms, and the builder of its parts."""
