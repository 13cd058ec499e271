"""A packing table: who works there, what happens when, how it looks to a camera."""
