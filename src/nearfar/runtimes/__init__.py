"""Runtimes: libraries that run a network, and the choice among them and their devices."""
