"""What happens when an App class is made: its settings are checked, its project is read, and set.

Nothing of this travels; on a runner the class arrives settled.
"""
