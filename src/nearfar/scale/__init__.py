"""Ray: batches of photos on Ray Data, and the service on Ray Serve."""
