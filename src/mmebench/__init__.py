"""mmebench: the benchmark for GPU multi-model endpoints."""
