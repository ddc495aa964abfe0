from vgpipe import errors as errors
from vgpipe.api.choices import options as options
from vgpipe.api.planning import Plan as Plan
from vgpipe.api.planning import plan as plan
from vgpipe.api.results import ClipResult as ClipResult
from vgpipe.api.results import Run as Run
from vgpipe.api.results import read_run as read_run
from vgpipe.api.running import RunInterrupted as RunInterrupted
from vgpipe.api.running import continue_run as continue_run
from vgpipe.api.running import resume as resume
from vgpipe.api.running import run as run
from vgpipe.api.verifying import verify as verify
from vgpipe.errors import VgpipeError as VgpipeError
from vgpipe.executor.cancel_token import CancelToken as CancelToken
from vgpipe.executor.kept_models import KeptModels as KeptModels
from vgpipe.executor.progress_state import ProgressState as ProgressState
from vgpipe.executor.progress_state import WorkerNow as WorkerNow
from vgpipe.provenance.verification import Verdict as Verdict

__version__: str
__all__: list[str]
