from cogfal.cog.base_predictor import *
