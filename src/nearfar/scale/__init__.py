"""More than one process: folders on Ray Data, and the service on Ray Serve."""
