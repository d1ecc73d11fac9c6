from cogfal.cog.predictor import *
