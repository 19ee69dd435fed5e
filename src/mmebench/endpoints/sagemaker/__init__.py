"""Multi-model endpoints on Amazon SageMaker: created for a run, journaled before they exist, deleted after it."""
