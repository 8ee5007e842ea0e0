"""Routes of the HTTP API: one file an endpoint, or a few that are alike."""
