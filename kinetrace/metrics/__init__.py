"""Metrics as pure functions, tested against the field's references."""
