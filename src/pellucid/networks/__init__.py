"""Networks: builders of plain modules, the table of activations, recipes, and classes from a user's own file."""
