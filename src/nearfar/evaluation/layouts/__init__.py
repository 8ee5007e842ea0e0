"""Readers of the supported data set layouts; samples are read lazily."""
