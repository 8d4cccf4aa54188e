"""Training: the epochs of fit, callbacks, history, progress and warnings."""
