from cogfal.cog.mode import *
