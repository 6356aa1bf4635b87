"""The discrete variational autoencoder of boltzmann_prior_vae.txt."""
