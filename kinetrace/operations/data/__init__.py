"""From recordings and their annotations to clips: layouts, reader, contract, video, samplers."""
