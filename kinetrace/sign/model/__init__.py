"""The network and all that training, evaluation and export share of it."""
