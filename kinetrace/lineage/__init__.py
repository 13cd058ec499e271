"""What ran on what: collecting and tracing."""
