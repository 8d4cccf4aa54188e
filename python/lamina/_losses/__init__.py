"""Losses, and the metrics of what a network gives."""
