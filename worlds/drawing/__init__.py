"""From a scene and a view to a photograph and exact depth, by OpenGL."""
