"""Datasets: where they come from, how they are cut, and how inputs are prepared for a network."""
