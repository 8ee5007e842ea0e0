"""Furniture read from Sweet Home 3D catalogues (.sh3f), and how it is put into rooms."""
