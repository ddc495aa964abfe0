"""The job floor: from the user's file of prompts to fully resolved clips.

Nothing is imported here, so that `vgpipe.job.clip` costs a reader only the standard library.
"""
