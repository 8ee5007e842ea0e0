"""The page's texts, in English and Chinese."""
