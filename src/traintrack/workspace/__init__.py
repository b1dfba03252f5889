"""The YAML dialect and git: from text to Workspace, Experiment and Target, each with its place."""
