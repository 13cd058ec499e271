"""How a model of work steps is judged."""
