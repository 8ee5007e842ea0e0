"""How solids are formed, moved and colored."""
