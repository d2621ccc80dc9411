"""The vocabulary of Sartor: what we know of a person, what we conclude, and where it comes from."""
