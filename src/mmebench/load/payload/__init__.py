"""What is sent: images, texts, tensors, encoded once."""

from mmebench.load.payload.payload import Body, encode, make_arrays, make_bodies, make_body

__all__ = ["Body", "encode", "make_arrays", "make_bodies", "make_body"]
