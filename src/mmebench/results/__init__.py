"""What was measured: samples, and the figures that follow from them."""
