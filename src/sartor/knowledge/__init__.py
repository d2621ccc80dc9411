"""Reference knowledge that more than one capability uses."""
