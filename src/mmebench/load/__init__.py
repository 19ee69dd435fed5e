"""Offered load: what is asked of an endpoint, when, and what came back."""
