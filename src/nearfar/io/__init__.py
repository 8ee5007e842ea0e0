"""Read and write files: photos, depth maps, clips."""
