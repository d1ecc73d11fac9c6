"""The parts of Cog's server package that predictors import from."""
