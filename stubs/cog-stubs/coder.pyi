from cogfal.cog.coder import *
