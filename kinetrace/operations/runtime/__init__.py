"""What answers for a trained model, without torch."""
