from cogfal.cog.errors import *
