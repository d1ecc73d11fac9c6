from cogfal.cog.server.scope import *
