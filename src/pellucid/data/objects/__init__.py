"""Objects of a program: pairs of arrays, dicts of them, datasets and loaders of PyTorch."""
