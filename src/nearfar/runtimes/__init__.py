"""Runtimes: libraries that run a network, their devices, and the choice among them."""
