"""traintrack: machine-learning work as a build."""
