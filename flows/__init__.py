"""When and where: Prefect flows, wiring only."""
