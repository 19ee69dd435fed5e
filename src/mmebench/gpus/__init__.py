"""The NVIDIA GPUs of this machine, as their driver accounts for them."""
