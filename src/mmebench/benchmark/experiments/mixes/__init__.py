"""Churn: what an endpoint loses over many loads and evictions."""
