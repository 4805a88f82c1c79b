"""Arrays: files of them and arrays in memory, by their names and shapes."""
