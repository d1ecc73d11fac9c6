from cogfal.cog.server.exceptions import *
