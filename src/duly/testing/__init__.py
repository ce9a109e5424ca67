"""Drive Duly on virtual time, in our tests and in those of users."""
