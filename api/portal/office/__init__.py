"""The portal's pages for the office's own people, by role."""
