"""Experiments: what only a multi-model endpoint can show, on an endpoint that is filled. A folder each."""
