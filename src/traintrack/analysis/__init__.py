"""From the graph of targets to actions with their IDs, the pins that this takes, and why two IDs differ."""
