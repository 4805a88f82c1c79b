"""Folders that the `datasets` library of Hugging Face has saved, read with pyarrow alone."""
