"""Sign language: retrieval and translation of sentences from MediaPipe Holistic landmarks."""
