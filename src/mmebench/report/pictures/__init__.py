"""The pictures of a results directory, as PNG and SVG."""
