"""Networks in plain torch, and the weights that they begin with."""
