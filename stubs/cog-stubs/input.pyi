from cogfal.cog.input import *
