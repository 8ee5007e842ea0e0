"""One file a layout of data sets; each gives samples that are read when they are asked for."""
