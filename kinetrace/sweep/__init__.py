"""Sweeps: one training for each combination of parameters, kept as DVC experiments."""
