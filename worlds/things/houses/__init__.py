"""Houses: planned, walled, roofed, and their fronts opened."""
