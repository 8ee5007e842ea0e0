"""The service: HTTP, live streams and the page share one engine and one scheduler."""
