"""``make bench``: each figure is a ratio measured side by side in one run; figures and bars are fixed, see the README."""
