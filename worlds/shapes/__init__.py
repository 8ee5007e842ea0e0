"""How solids are formed, moved and coloured."""
