"""Training the tokenizer."""
