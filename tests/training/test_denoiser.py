"""The training shortcuts of the transformer change no numbers."""

import torch

from training.denoiser import build_transformer, draw_sigmas, flow_loss, fold_padding
from training.text import MAX_TOKENS


@torch.no_grad()
def test_folded_padding_equals_the_padded_prompt():
    torch.manual_seed(0)
    transformer = build_transformer().eval()
    embeds_BLD = torch.randn(2, MAX_TOKENS, 96)
    embeds_BLD[:, 9:] = 0
    inputs = {"hidden_states": torch.randn(2, 16, 2, 4, 4), "timestep": torch.tensor([10.0, 900.0])}
    stock = transformer(**inputs, encoder_hidden_states=embeds_BLD).sample
    fold_padding(transformer, kept=12, padded_to=MAX_TOKENS)
    folded = transformer(**inputs, encoder_hidden_states=embeds_BLD[:, :12]).sample
    assert torch.allclose(stock, folded, atol=1e-5)


def test_noise_levels_lean_towards_noise():
    sigma_B = draw_sigmas(1000)
    assert 0 < sigma_B.min() < sigma_B.max() < 1
    assert 0.65 < sigma_B.median() < 0.85


def test_a_given_first_frame_stays_clean_and_out_of_the_loss():
    clean_BCTHW = torch.randn(2, 16, 3, 4, 4)

    def spy(noisy_BCTHW, timestep_BS, embeds_BLD, return_dict):
        assert torch.equal(noisy_BCTHW[:, :, 0], clean_BCTHW[:, :, 0])
        assert timestep_BS.shape == (2, 3 * 2 * 2)
        assert (timestep_BS[:, :4] == 0).all()
        assert (timestep_BS[:, 4:] > 0).all()
        wild_BCTHW = torch.zeros_like(noisy_BCTHW)
        wild_BCTHW[:, :, 0] = 1e6
        return (wild_BCTHW,)

    assert flow_loss(spy, clean_BCTHW, torch.zeros(2, 4, 96), first_frame_given=True) < 100
