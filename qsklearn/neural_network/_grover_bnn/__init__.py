"""The binary network of grover_bnn.txt, trained by amplitude amplification."""
