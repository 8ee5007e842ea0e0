"""int8: activations, QDQ graphs, and which layers stay in float."""
