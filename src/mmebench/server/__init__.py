"""The local multi-model endpoint, a product of its own: front, memory, containers, backends."""
