"""The values that everybody speaks in: actions, plans, manifests, cells, records, events. No side effects."""
