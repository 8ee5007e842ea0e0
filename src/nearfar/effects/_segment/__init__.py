"""Segmentation and matting of the subject."""
