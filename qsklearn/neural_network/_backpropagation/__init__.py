"""Networks of layers that backpropagation trains: the classical twins of the annealed ones."""
