"""One file for each fault of the catalogue; they are found by listing this folder."""
