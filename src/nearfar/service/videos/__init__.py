"""Video jobs: their child processes, their files, and the routes."""
