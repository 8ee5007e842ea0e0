"""Scenes of one thing that is near."""
