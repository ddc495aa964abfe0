"""What a forked command line has imported already: what a run of a Wan model imports."""

import contextlib
import gc

from vgpipe.executor.library_environment import set_library_environment

set_library_environment()

from vgpipe.models.checkpoint.installed_classes import class_of  # noqa: E402

for library, names in {
    "diffusers": ("WanPipeline", "AutoencoderKLWan", "WanTransformer3DModel", "UniPCMultistepScheduler"),
    "transformers": ("UMT5EncoderModel", "PreTrainedTokenizerFast"),
}.items():
    for name in names:
        class_of(library, name)

with contextlib.suppress(ImportError):
    import vgpipe.commands.run
    import vgpipe.executor.local
    import vgpipe.runs.run  # noqa: F401

gc.freeze()
