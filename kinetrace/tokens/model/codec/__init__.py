"""What users of tokens hold in their hands: runs, strings, lines and a tokenizer file; NumPy is enough."""
