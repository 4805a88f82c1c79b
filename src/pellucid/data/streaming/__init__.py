"""Data sets larger than memory: files that are read piece by piece, in a shuffled order, while a network trains."""
