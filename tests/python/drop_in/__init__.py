"""What the package says when it is asked: recorded of one interpreter, compared with another."""
