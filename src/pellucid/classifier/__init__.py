"""Classifiers: a network, the preparation of its inputs and its class names; saved, loaded, asked and judged."""
