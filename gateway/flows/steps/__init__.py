"""The steps of the data's way (DESIGN section 1), one module each, over a whole batch."""
