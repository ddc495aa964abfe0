"""Torch modules and driver answers of machines that the tests do not have; the figures are those of real cards."""

from __future__ import annotations

from types import SimpleNamespace

from vgpipe.hardware.nvml import Card
from vgpipe.hardware.records import Pcie
from vgpipe.units import MIB

RTX_4090 = SimpleNamespace(
    name="NVIDIA GeForce RTX 4090", major=8, minor=9, total_memory=24_217 * MIB, uuid="aaaa-4090", free=23_100 * MIB
)
GTX_1660_TI = SimpleNamespace(
    name="NVIDIA GeForce GTX 1660 Ti", major=7, minor=5, total_memory=5_944 * MIB, uuid="aaaa-1660", free=5_700 * MIB
)
RTX_3060 = SimpleNamespace(
    name="NVIDIA GeForce RTX 3060", major=8, minor=6, total_memory=12_037 * MIB, uuid="bbbb-3060", free=11_000 * MIB
)
TESLA_T4 = SimpleNamespace(
    name="Tesla T4", major=7, minor=5, total_memory=15_095 * MIB, uuid="cccc-t4", free=14_900 * MIB
)
RX_7900 = SimpleNamespace(
    name="AMD Radeon RX 7900 XTX", major=11, minor=0, total_memory=24_560 * MIB, uuid="d", free=24_000 * MIB,
    gcnArchName="gfx1100",
)  # fmt: skip
ARC_A770 = SimpleNamespace(
    name="Intel(R) Arc(TM) A770 Graphics", total_memory=16_225 * MIB, free=15_900 * MIB, driver_version="1.6.33578",
    has_fp16=True, has_subgroup_matrix_multiply_accumulate=True,
)  # fmt: skip


class Cards:
    """`torch.cuda` or `torch.xpu` with the given cards."""

    def __init__(self, *cards, allocated=0, reserved=0, architectures=("sm_75", "sm_80", "sm_86", "sm_90")):
        self.cards, self.allocated, self.reserved, self.architectures = cards, allocated, reserved, architectures

    def is_available(self):
        return bool(self.cards)

    def device_count(self):
        return len(self.cards)

    def get_device_properties(self, index):
        return self.cards[index]

    def mem_get_info(self, device):
        card = self.cards[_index(device)]
        return card.free, card.total_memory

    def memory_allocated(self, device):
        return self.allocated

    def memory_reserved(self, device):
        return self.reserved

    def get_arch_list(self):
        return list(self.architectures)

    def is_bf16_supported(self):
        return True


def _index(device):
    return device if isinstance(device, int) else int(device.partition(":")[2] or 0)


def fake_torch(*, cuda=None, xpu=None, mps=None, cuda_version=None, hip=None, version="2.8.0"):
    """A torch with these devices; `mps` is (recommended, allocated) bytes."""
    metal = SimpleNamespace(
        is_built=lambda: mps is not None,
        is_available=lambda: mps is not None,
        is_macos_or_newer=lambda major, minor: (major, minor) <= (14, 5),
        get_name=lambda: "Apple M1",
    )
    return SimpleNamespace(
        __version__=version,
        version=SimpleNamespace(cuda=cuda_version, hip=hip, xpu="20250101" if xpu else None),
        cuda=cuda or Cards(),
        xpu=xpu or Cards(),
        mps=SimpleNamespace(
            recommended_max_memory=lambda: mps[0], driver_allocated_memory=lambda: mps[1]
        ),
        backends=SimpleNamespace(mps=metal),
    )  # fmt: skip


def nvidia_torch(*cards, **facts):
    return fake_torch(cuda=Cards(*cards, **facts), cuda_version="12.8", version="2.8.0+cu128")


def no_cards():
    return ()


def listed(*cards):
    """A driver that lists these cards."""
    return lambda: cards


CARD_4090 = Card(
    index=0, name="NVIDIA GeForce RTX 4090", uuid="aaaa-4090", total_bytes=24_564 * MIB, free_bytes=23_000 * MIB,
    driver="570.86.16", pcie=Pcie(generation=4, width=16), compute_capability=(8, 9),
)  # fmt: skip
CARD_3060 = Card(
    index=1, name="NVIDIA GeForce RTX 3060", uuid="bbbb-3060", total_bytes=12_288 * MIB, free_bytes=11_500 * MIB,
    driver="570.86.16", pcie=Pcie(generation=4, width=8), compute_capability=(8, 6),
)  # fmt: skip
