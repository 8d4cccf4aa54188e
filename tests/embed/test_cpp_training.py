"""Metrics, and the options of a fit, of the C++ headers give what Python gives."""
