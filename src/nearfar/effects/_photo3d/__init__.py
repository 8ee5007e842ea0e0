"""The page of a 3D photo: template, viewer and packing."""
