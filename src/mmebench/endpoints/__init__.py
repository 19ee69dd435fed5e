"""Where models are served: a multi-model endpoint on this machine or on SageMaker, as a client sees it."""
