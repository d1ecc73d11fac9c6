import cogfal

App = cogfal.App.from_cog("cog.yaml", machine_type="S", output_name="image")
