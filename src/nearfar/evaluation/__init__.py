"""How good a depth map is: data sets, alignment, protocols, metrics, pictures of the errors."""
