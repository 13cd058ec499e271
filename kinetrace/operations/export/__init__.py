"""What serves a model of work steps."""
