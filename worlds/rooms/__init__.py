"""Scenes indoors."""
