"""Layers with their weights: description, files, copies, checked data, derivatives."""
