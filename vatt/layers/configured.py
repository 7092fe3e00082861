"""`get_config` derived from a constructor's signature, so that no layer has to restate its arguments.

Keras' own automatic config records defaults instead of values on `keras.Model` subclasses; this one reads the
attributes. The rule it needs: every argument of `__init__` is kept under its own name, but for those that a
class names in `not_in_config`, which matter only when it is made anew.
"""

import inspect
from typing import Any

import keras


class Configured:
    """Mixin, named before the Keras class: `class MyLayer(Configured, keras.layers.Layer)`."""

    not_in_config: tuple[str, ...] = ()
    dtype_policy: Any

    def __init__(self, **of_keras: Any) -> None:
        super().__init__(**of_keras)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name; `dtype` as the serialised policy."""
        config = {}
        for name in list(inspect.signature(type(self).__init__).parameters)[1:]:
            if name in self.not_in_config:
                continue
            if name == "dtype":
                config[name] = keras.saving.serialize_keras_object(self.dtype_policy)
            else:
                config[name] = getattr(self, name)
        return config

    def get_build_config(self) -> None:
        """None: a part that is restored waits for the whole to build it, under the whole's name."""
        return None

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object of a config, nested Keras objects restored."""
        return cls(**cls.restored(config))

    @staticmethod
    def restored(config: dict[str, Any]) -> dict[str, Any]:
        """The constructor's arguments in a config, nested Keras objects restored."""
        return {
            name: keras.saving.deserialize_keras_object(value)
            if isinstance(value, dict) and "class_name" in value and "config" in value
            else value
            for name, value in config.items()
        }


def remade(layer: keras.layers.Layer, **changes: Any) -> Any:
    """A layer or model of the same configuration with new weights; `changes` replace arguments."""
    described = keras.saving.serialize_keras_object(layer)
    for name, value in changes.items():
        described["config"][name] = keras.saving.serialize_keras_object(value)
    return keras.saving.deserialize_keras_object(described)
