"""What stands in rooms, and the workshop that makes it."""
