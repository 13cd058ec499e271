"""What a training will need, reckoned before it is sent to a card."""
