"""Other people's formats to the native layout of a workload."""
