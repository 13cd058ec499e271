"""The workload `operations`: work steps in video, when they end and what comes next."""
