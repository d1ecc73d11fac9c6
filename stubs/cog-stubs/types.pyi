from cogfal.cog.types import *
