"""From targets to the graph that they span: references, selection, edges, order, cycles, queries."""
