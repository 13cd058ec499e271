"""From video to landmarks: MediaPipe Holistic in an environment of its own."""
