from cogfal.cog.model import *
