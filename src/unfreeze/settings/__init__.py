"""What a user may write on the command line or in YAML: one model, all mistakes reported at once."""

from unfreeze.settings.mistakes import SettingsError, flag
from unfreeze.settings.model import Settings
from unfreeze.settings.read import ALIASES, read_config_file, read_layers, read_settings
from unfreeze.settings.unused import unused_settings

__all__ = [
    "ALIASES",
    "Settings",
    "SettingsError",
    "flag",
    "read_config_file",
    "read_layers",
    "read_settings",
    "unused_settings",
]
