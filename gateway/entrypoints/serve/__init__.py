"""`gateway serve`: one command that keeps web workers and the scheduler running."""
