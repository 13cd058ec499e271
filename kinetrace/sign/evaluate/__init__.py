"""How the network is judged."""
