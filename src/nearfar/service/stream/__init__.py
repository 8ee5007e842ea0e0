"""Live depth: over a WebSocket, as MJPEG, and the page that shows it."""
