import cogfal

App = cogfal.App.from_cog("cog.yaml", output_name="image")
