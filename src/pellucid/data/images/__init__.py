"""Images: folders of them, single files, and the raw inputs that they become."""
