"""One module a library, each with a class that a worker process drives; see `base.py`."""
