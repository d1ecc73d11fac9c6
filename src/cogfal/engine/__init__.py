"""Run a predictor: set it up, queue, execute, watch and cancel its predictions.

The engine knows neither fal nor HTTP. `service.Service` is the single owner of all state.
"""
