"""The ground in a picture, and what is free on it."""
