"""Tables: files of rows and columns, read with pyarrow, which is loaded only when one is read."""
