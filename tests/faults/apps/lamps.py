"""What an app imports."""

COLOUR = "red"
