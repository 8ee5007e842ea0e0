"""Array functions for photos and depth maps."""
