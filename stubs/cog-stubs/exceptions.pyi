from cogfal.cog.exceptions import *
