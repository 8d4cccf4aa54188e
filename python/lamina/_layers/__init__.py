"""The layers that a network is made of, as descriptions."""
