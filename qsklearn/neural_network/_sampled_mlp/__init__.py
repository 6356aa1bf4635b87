"""The sampled multilayer perceptron of sampled_mlp.txt."""
