"""The digital twin: seeded synthetic data with known truth."""
