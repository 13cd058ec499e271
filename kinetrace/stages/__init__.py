"""The nine stages: each decides one thing, for any workload."""
