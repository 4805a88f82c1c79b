"""Training: settings, the one loop, its schedule and history, and `train`, which puts them together."""
