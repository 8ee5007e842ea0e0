"""Live depth: WebSocket streams, MJPEG, and the live page."""
