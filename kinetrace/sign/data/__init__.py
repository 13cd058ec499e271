"""What the stages up to shards run: the native layout, its contract and the features of a clip."""
