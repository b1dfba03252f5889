"""Runs tasks as containers, through docker or podman."""
