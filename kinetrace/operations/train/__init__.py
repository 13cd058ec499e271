"""Training either network."""
