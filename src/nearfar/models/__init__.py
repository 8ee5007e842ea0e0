"""Models: what they are, where they lie, and how a picture is made ready for them."""
