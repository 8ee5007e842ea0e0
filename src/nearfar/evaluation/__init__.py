"""Evaluate depth maps against ground truth: data sets, alignment, protocols and metrics."""
