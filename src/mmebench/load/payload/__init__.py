"""What is sent: images, texts, tensors, encoded once."""
