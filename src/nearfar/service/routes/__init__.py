"""Routes of the HTTP API: one file per endpoint, or per group of similar ones."""
