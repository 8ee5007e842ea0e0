"""Find a subject, and cut it out to the hair."""
