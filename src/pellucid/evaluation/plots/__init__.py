"""Plots with matplotlib, its one home: each takes facts and an Axes, if there is one, and returns the Axes.

No state of pyplot is read or changed. Without `ax` a figure is made, which is the `figure` of the Axes that comes back:
`plot_confusion(evaluation).figure.savefig("confusion.png")`.
"""
