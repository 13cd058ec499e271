"""What serves a tokenizer."""
