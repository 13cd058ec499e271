"""Kinetrace: an MLOps pipeline for human motion, with artifact lineage."""

__version__ = "0.1.0"
