"""Runtimes: what turns a model file into something that runs."""
