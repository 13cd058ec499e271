"""MLflow runs and models, gates and the ledger."""
