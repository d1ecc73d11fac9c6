import cog
import helper

print(helper.NAME)
