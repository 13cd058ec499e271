"""Pose sequences to discrete tokens for language models, and back."""
