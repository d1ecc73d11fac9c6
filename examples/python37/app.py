import cogfal

App = cogfal.App.from_cog("cog.yaml")
