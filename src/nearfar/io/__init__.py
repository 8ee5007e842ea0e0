"""Read and write files: images, depth maps, videos."""
