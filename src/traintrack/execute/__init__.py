"""The loop that carries out a plan, the same for every environment. Imports ports and values only."""
