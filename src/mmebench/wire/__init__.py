"""What travels: heads, chunked bodies, signatures, control calls, SageMaker's paths and headers."""
