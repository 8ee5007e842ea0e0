"""The page: texts, tabs, and the live view."""
