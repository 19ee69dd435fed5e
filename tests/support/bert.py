"""A text model that is exported in seconds."""

TINY_BERT = {
    "model_type": "bert",
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
"""As ``config.json`` has it; ``max_position_embeddings`` is how long its texts may be."""
