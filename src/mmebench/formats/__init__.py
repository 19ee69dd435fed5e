"""What is stored and served: archives, Triton's configuration, tensors."""
