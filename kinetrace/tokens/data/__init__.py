"""From the delivered arrays to chunks: layout, reader, contract, features."""
