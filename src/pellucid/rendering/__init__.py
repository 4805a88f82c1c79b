"""Makes facts visible: neutral blocks, and the renderers that turn them into text and HTML."""
