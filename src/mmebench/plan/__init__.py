"""How many instances a fleet needs: computed, simulated, and checked against what is measured."""
