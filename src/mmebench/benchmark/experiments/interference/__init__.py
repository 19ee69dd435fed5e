"""Interference: what a neighbour's cold start costs a target under load."""
