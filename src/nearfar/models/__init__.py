"""Models: catalog, files and downloads, and preprocessing of pictures."""
