"""How the tokenizer is judged."""
