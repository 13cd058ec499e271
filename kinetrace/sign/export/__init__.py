"""What serves the network."""
