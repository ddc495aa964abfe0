"""Jobs: from the user's file of prompts to fully resolved clips.

This file imports nothing, so that `vgpipe.job.clip` only needs the standard library.
"""
