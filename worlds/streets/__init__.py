"""Scenes outdoors: streets from a car, and squares and parks on foot."""
