"""The network, its quantizer and what train, evaluate and export share."""
