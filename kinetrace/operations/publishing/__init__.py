"""What is given to people outside: a repository of the Hugging Face hub with its card, an MLflow model."""
