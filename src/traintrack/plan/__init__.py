"""From actions and what the storage knows to a plan: what is reused, awaited, executed, and why."""
