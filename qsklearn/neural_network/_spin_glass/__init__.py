"""The spin-glass network of spin_glass_network.txt, layer by layer by annealing."""
