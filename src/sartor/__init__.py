"""Sartor: from whatever is known of a person to one explained, cited report."""
