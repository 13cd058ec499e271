"""The networks, and what train, evaluate and export share."""
